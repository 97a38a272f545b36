//! Frame buffer: accumulators of earlier steps, kept until a gate is known.

/// Frames of one slice.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    values: Vec<i32>,
    size: usize,
}

impl FrameBuffer {
    /// `frames` frames of `size` accumulators.
    pub fn new(frames: usize, size: usize) -> Self {
        FrameBuffer { values: vec![0; frames * size], size }
    }
    /// Accumulators of one step.
    #[inline]
    pub fn frame(&self, step: usize) -> &[i32] {
        &self.values[step * self.size..(step + 1) * self.size]
    }
    /// Accumulators of one step, to write.
    #[inline]
    pub fn frame_mut(&mut self, step: usize) -> &mut [i32] {
        &mut self.values[step * self.size..(step + 1) * self.size]
    }
}
