//! Sliding windows shared by convolution, pooling and their transposes: geometry and iteration.
//!
//! In a window, output place o sees input place `o·stride + k·dilation − padding` through tap k. In a transposed one the
//! two change places: input place i reaches output place `i·stride + k·dilation − padding`.

use crate::diag::Result;
use crate::op::InferCx;
use crate::shape::Shape;

/// Geometry of a sliding window; padding is top, bottom, left, right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Step in rows and columns.
    pub stride: [usize; 2],
    /// Zeros added at top, bottom, left, right.
    pub padding: [usize; 4],
    /// Distance between taps in rows and columns.
    pub dilation: [usize; 2],
    /// True if input places reach outputs as the outputs of a plain window see inputs.
    pub transposed: bool,
}

impl Window {
    /// Output rows and columns on an `h × w` input, or a refusal.
    pub fn output(&self, cx: &InferCx<'_>, h: usize, w: usize) -> Result<(usize, usize)> {
        let bad = |v: [usize; 2]| v.iter().any(|&x| x == 0 || x > 1 << 16);
        if bad(self.kernel)
            || bad(self.stride)
            || bad(self.dilation)
            || self.padding.iter().any(|&p| p > 1 << 16)
        {
            return Err(cx.refuse(
                "kernel, stride, dilation or padding is zero or absurdly large",
                "give sizes from 1 to 65536",
            ));
        }
        let span = |i: usize| self.dilation[i] * (self.kernel[i] - 1) + 1;
        if self.transposed {
            let size = |i: usize, n: usize| {
                let padding = self.padding[2 * i] + self.padding[2 * i + 1];
                ((n - 1) * self.stride[i] + span(i)).checked_sub(padding).filter(|&n| n > 0)
            };
            return size(0, h).zip(size(1, w)).ok_or_else(|| {
                cx.refuse("the padding takes away all of the output", "use a larger kernel or less padding")
            });
        }
        let (ph, pw) = (h + self.padding[0] + self.padding[1], w + self.padding[2] + self.padding[3]);
        if ph < span(0) || pw < span(1) {
            return Err(cx.refuse(
                format!("the window is larger than the padded {ph} x {pw} input"),
                "use a smaller kernel or more padding",
            ));
        }
        Ok(((ph - span(0)) / self.stride[0] + 1, (pw - span(1)) / self.stride[1] + 1))
    }

    /// `place · stride + k · dilation − padding` on an axis, if it is one of `n` places.
    #[inline]
    fn ahead(&self, axis: usize, place: usize, k: usize, n: usize) -> Option<usize> {
        (place * self.stride[axis] + k * self.dilation[axis])
            .checked_sub(self.padding[2 * axis])
            .filter(|&p| p < n)
    }

    /// The place whose `ahead` is `place`, if it is one of `n`.
    #[inline]
    fn behind(&self, axis: usize, place: usize, k: usize, n: usize) -> Option<usize> {
        let d = (place + self.padding[2 * axis]).checked_sub(k * self.dilation[axis])?;
        (d % self.stride[axis] == 0).then_some(d / self.stride[axis]).filter(|&p| p < n)
    }

    #[inline]
    fn source(&self, axis: usize, o: usize, k: usize, n: usize) -> Option<usize> {
        if self.transposed {
            self.behind(axis, o, k, n)
        } else {
            self.ahead(axis, o, k, n)
        }
    }

    #[inline]
    fn target(&self, axis: usize, i: usize, k: usize, n: usize) -> Option<usize> {
        if self.transposed {
            self.ahead(axis, i, k, n)
        } else {
            self.behind(axis, i, k, n)
        }
    }

    /// Input row under output row `o` and kernel row `k`, if there is one of `h`.
    #[inline]
    pub fn row(&self, o: usize, k: usize, h: usize) -> Option<usize> {
        self.source(0, o, k, h)
    }

    /// Input column under output column `o` and kernel column `k`, if there is one of `w`.
    #[inline]
    pub fn col(&self, o: usize, k: usize, w: usize) -> Option<usize> {
        self.source(1, o, k, w)
    }

    /// Output row that sees input row `y` through kernel row `k`, if there is one of `oh`.
    #[inline]
    pub fn out_row(&self, y: usize, k: usize, oh: usize) -> Option<usize> {
        self.target(0, y, k, oh)
    }

    /// Output column that sees input column `x` through kernel column `k`, if there is one of `ow`.
    #[inline]
    pub fn out_col(&self, x: usize, k: usize, ow: usize) -> Option<usize> {
        self.target(1, x, k, ow)
    }

    /// Folds every window of every plane: `step(acc, element)` from `start`, padding skipped.
    pub fn fold<T: Copy>(
        &self,
        input: Shape,
        output: Shape,
        data: &[T],
        start: T,
        step: impl Fn(T, T) -> T,
    ) -> Vec<T> {
        let mut out = Vec::with_capacity(output.len());
        for plane in data.chunks_exact(input.h * input.w) {
            for oy in 0..output.h {
                for ox in 0..output.w {
                    let mut acc = start;
                    for ky in 0..self.kernel[0] {
                        let Some(y) = self.row(oy, ky, input.h) else { continue };
                        for kx in 0..self.kernel[1] {
                            if let Some(x) = self.col(ox, kx, input.w) {
                                acc = step(acc, plane[y * input.w + x]);
                            }
                        }
                    }
                    out.push(acc);
                }
            }
        }
        out
    }
}

/// Padding of a stride-1 window that keeps the size: ⌊(k−1)/2⌋ before, the rest after.
pub fn same_padding(k: usize) -> (usize, usize) {
    ((k - 1) / 2, k - 1 - (k - 1) / 2)
}
