//! Sliding windows shared by convolution and pooling: geometry and iteration.

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
        let (ph, pw) = (h + self.padding[0] + self.padding[1], w + self.padding[2] + self.padding[3]);
        if ph < span(0) || pw < span(1) {
            return Err(cx.refuse(
                format!("the window is larger than the padded {ph} x {pw} input"),
                "use a smaller kernel or more padding",
            ));
        }
        Ok(((ph - span(0)) / self.stride[0] + 1, (pw - span(1)) / self.stride[1] + 1))
    }

    /// Input row under output row `o` and kernel row `k`, if it is not padding.
    #[inline]
    pub fn row(&self, o: usize, k: usize, h: usize) -> Option<usize> {
        (o * self.stride[0] + k * self.dilation[0]).checked_sub(self.padding[0]).filter(|&y| y < h)
    }

    /// Input column under output column `o` and kernel column `k`, if it is not padding.
    #[inline]
    pub fn col(&self, o: usize, k: usize, w: usize) -> Option<usize> {
        (o * self.stride[1] + k * self.dilation[1]).checked_sub(self.padding[2]).filter(|&x| x < w)
    }

    /// Output row that sees input row `y` through kernel row `k`, if there is one of `oh`.
    #[inline]
    pub fn out_row(&self, y: usize, k: usize, oh: usize) -> Option<usize> {
        let d = (y + self.padding[0]).checked_sub(k * self.dilation[0])?;
        (d % self.stride[0] == 0).then_some(d / self.stride[0]).filter(|&o| o < oh)
    }

    /// Output column that sees input column `x` through kernel column `k`, if there is one of `ow`.
    #[inline]
    pub fn out_col(&self, x: usize, k: usize, ow: usize) -> Option<usize> {
        let d = (x + self.padding[2]).checked_sub(k * self.dilation[1])?;
        (d % self.stride[1] == 0).then_some(d / self.stride[1]).filter(|&o| o < ow)
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
