//! Data sets: event frames `[N,T,C,H,W]` and still images `[N,C,H,W]` with labels, in safetensors, plain or gzipped.

use crate::safetensors::{parse, write, Dtype, Owned, View};
use crate::{read_file, MAX_FILE_BYTES};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::tensor::Value;
use pulvinar_ir::{Diagnostic, Graph, Level, Op, Result, Shape};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Numbers of the samples, row-major.
#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    Bytes(Vec<u8>),
    Reals(Vec<f32>),
}

/// Samples of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    shape: Shape,
    count: usize,
    numbers: Numbers,
}

impl Frames {
    /// Samples of counts; `data` holds a whole number of samples.
    pub fn from_u8(shape: Shape, data: Vec<u8>) -> Result<Self> {
        Ok(Frames { shape, count: samples(shape, data.len())?, numbers: Numbers::Bytes(data) })
    }

    /// Samples of reals; `data` holds a whole number of samples, all finite and not negative.
    pub fn from_f32(shape: Shape, data: Vec<f32>) -> Result<Self> {
        let count = samples(shape, data.len())?;
        if let Some(i) = data.iter().position(|v| !v.is_finite() || *v < 0.0) {
            return Err(Diagnostic::new(
                "E0403",
                format!("sample {}", i / shape.len()),
                format!("element {} is {}", i % shape.len(), data[i]),
                "inputs are finite and not negative; clean or shift the data",
            ));
        }
        Ok(Frames { shape, count, numbers: Numbers::Reals(data) })
    }

    /// Shape of one sample.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Largest element of all samples, rounded up.
    pub fn max(&self) -> i64 {
        match &self.numbers {
            Numbers::Bytes(v) => v.iter().copied().max().map_or(0, i64::from),
            Numbers::Reals(v) => v.iter().copied().fold(0.0, f32::max).ceil() as i64,
        }
    }

    /// True if every element is a whole number.
    pub fn is_whole(&self) -> bool {
        match &self.numbers {
            Numbers::Bytes(_) => true,
            Numbers::Reals(v) => v.iter().all(|x| x.fract() == 0.0),
        }
    }

    /// Sample `i` as the input of a graph of this level; at level flow fractions are refused.
    pub fn value(&self, i: usize, level: Level) -> Result<Value> {
        let n = self.shape.len();
        if i >= self.count {
            return Err(Diagnostic::new(
                "E0404",
                format!("sample {i}"),
                format!("there are {} samples", self.count),
                "ask for fewer",
            ));
        }
        let range = i * n..(i + 1) * n;
        Ok(match (&self.numbers, level) {
            (Numbers::Bytes(v), Level::Trained) => {
                Value::real(self.shape, v[range].iter().map(|&x| f64::from(x)).collect())
            }
            (Numbers::Reals(v), Level::Trained) => {
                Value::real(self.shape, v[range].iter().map(|&x| f64::from(x)).collect())
            }
            (Numbers::Bytes(v), Level::Flow) => {
                Value::int(self.shape, v[range].iter().map(|&x| i64::from(x)).collect())
            }
            (Numbers::Reals(v), Level::Flow) => {
                if v[range.clone()].iter().any(|x| x.fract() != 0.0) {
                    return Err(fractions(&format!("sample {i}")));
                }
                Value::int(self.shape, v[range].iter().map(|&x| x as i64).collect())
            }
        })
    }

    /// Samples `range` alone.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Frames {
        let (from, to) = (range.start.min(self.count), range.end.min(self.count));
        let to = to.max(from);
        let at = from * self.shape.len()..to * self.shape.len();
        let numbers = match &self.numbers {
            Numbers::Bytes(v) => Numbers::Bytes(v[at].to_vec()),
            Numbers::Reals(v) => Numbers::Reals(v[at].to_vec()),
        };
        Frames { shape: self.shape, count: to - from, numbers }
    }

    /// The samples as a stored tensor `[N,T,C,H,W]`.
    pub fn to_tensor(&self) -> Owned {
        let dims = [&[self.count][..], &self.shape.dims()].concat();
        match &self.numbers {
            Numbers::Bytes(v) => Owned::u8(&dims, v),
            Numbers::Reals(v) => Owned::f32(&dims, v),
        }
    }

    /// Refuses samples that do not fit a graph's input: shape, and counts or 0/1 where it takes these.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        let Some(id) = graph.input() else {
            return Err(Diagnostic::new("E0106", &graph.name, "the graph has no input", "add an input node"));
        };
        let node = graph.node(id);
        if node.ty.shape != self.shape {
            return Err(Diagnostic::new(
                "E0401",
                format!("frames for `{}`", graph.name),
                format!(
                    "samples are {} and the network takes {} (timesteps, channels, rows, columns)",
                    self.shape, node.ty.shape
                ),
                "give frames of the network's shape",
            ));
        }
        let Op::Input(input) = &node.op else { return Ok(()) };
        if input.kind != InputKind::Real && !self.is_whole() {
            return Err(fractions(&format!("frames for `{}`", graph.name)));
        }
        if input.kind == InputKind::Binary && self.max() > 1 {
            return Err(Diagnostic::new(
                "E0402",
                format!("frames for `{}`", graph.name),
                format!("the largest element is {} and the network takes 0 and 1", self.max()),
                "clip the counts to 1",
            ));
        }
        Ok(())
    }
}

fn fractions(place: &str) -> Diagnostic {
    Diagnostic::new(
        "E0402",
        place,
        "the samples have fractions and the input takes whole numbers",
        "encode still images as spikes (`--encode rate` or `--encode latency`)",
    )
}

fn samples(shape: Shape, numbers: usize) -> Result<usize> {
    let n =
        shape.dims().into_iter().try_fold(1usize, usize::checked_mul).filter(|&n| n > 0 && numbers % n == 0);
    n.map(|n| numbers / n).ok_or_else(|| {
        Diagnostic::new(
            "E0403",
            "frames",
            format!("{numbers} elements are no whole number of {shape} samples"),
            "every axis needs at least 1 element",
        )
    })
}

/// Event frames with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Samples.
    pub frames: Frames,
    /// Classes, one a sample, if known.
    pub labels: Option<Vec<u32>>,
}

/// Still images `[N,C,H,W]` with elements in 0..=1, and labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Stills {
    /// Channels, rows, columns.
    pub shape: [usize; 3],
    /// Elements, row-major; bytes in a file are divided by 255.
    pub pixels: Vec<f32>,
    /// Classes, one an image, if known.
    pub labels: Option<Vec<u32>>,
}

impl Stills {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.shape.iter().product::<usize>().max(1)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads a `.safetensors` or `.safetensors.gz` file: `frames` U8 or F32 `[N,T,C,H,W]`, `labels` integer `[N]` optional.
pub fn load(path: &Path) -> Result<Dataset> {
    load_bytes(&read_file(path)?).map_err(|e| e.within(&path.display().to_string()))
}

/// [`load`] from memory.
pub fn load_bytes(bytes: &[u8]) -> Result<Dataset> {
    let bytes = inflate(bytes)?;
    let tensors = parse(&bytes)?;
    check_names(&tensors, "frames")?;
    let view = find(&tensors, "frames")?;
    let frames = frames_of("frames", view)?;
    let labels = tensors.get("labels").map(|l| labels_of(l, frames.len())).transpose()?;
    Ok(Dataset { frames, labels })
}

/// Reads still images: `images` U8 (divided by 255) or F32 in 0..=1, `[N,C,H,W]`, `labels` integer `[N]` optional.
pub fn load_stills(path: &Path) -> Result<Stills> {
    load_stills_bytes(&read_file(path)?).map_err(|e| e.within(&path.display().to_string()))
}

/// [`load_stills`] from memory.
pub fn load_stills_bytes(bytes: &[u8]) -> Result<Stills> {
    let bytes = inflate(bytes)?;
    let tensors = parse(&bytes)?;
    check_names(&tensors, "images")?;
    let view = find(&tensors, "images")?;
    let &[count, c, h, w] = view.shape.as_slice() else {
        return Err(malformed(
            "tensor `images`",
            format!("shape {:?} where [N,C,H,W] is needed", view.shape),
        ));
    };
    samples(Shape::new(1, c, h, w), view.data.len() / view.dtype.bytes())?;
    let pixels = match view.as_u8() {
        Some(bytes) => bytes.iter().map(|&b| f32::from(b) / 255.0).collect(),
        None => view.to_f32().ok_or_else(|| {
            malformed("tensor `images`", format!("elements are {}, not U8 or F32", view.dtype.name()))
        })?,
    };
    if let Some(i) = pixels.iter().position(|v: &f32| !(-1.0..=1.0).contains(v)) {
        return Err(malformed("tensor `images`", format!("element {i} is {}, outside -1..=1", pixels[i])));
    }
    let labels = tensors.get("labels").map(|l| labels_of(l, count)).transpose()?;
    Ok(Stills { shape: [c, h, w], pixels, labels })
}

/// The bytes of a data set file (not compressed).
pub fn to_bytes(dataset: &Dataset) -> Vec<u8> {
    let mut tensors = BTreeMap::from([("frames".to_owned(), dataset.frames.to_tensor())]);
    if let Some(labels) = &dataset.labels {
        let data = labels.iter().flat_map(|&l| i64::from(l).to_le_bytes()).collect();
        tensors.insert("labels".to_owned(), Owned { dtype: Dtype::I64, shape: vec![labels.len()], data });
    }
    write(&tensors)
}

/// Frames from a stored tensor `[N,T,C,H,W]` of U8 or F32.
pub(crate) fn frames_of(name: &str, view: &View<'_>) -> Result<Frames> {
    let place = format!("tensor `{name}`");
    let &[_, t, c, h, w] = view.shape.as_slice() else {
        return Err(malformed(&place, format!("shape {:?} where [N,T,C,H,W] is needed", view.shape)));
    };
    let shape = Shape::new(t, c, h, w);
    match (view.as_u8(), view.to_f32()) {
        (Some(bytes), _) => Frames::from_u8(shape, bytes.to_vec()),
        (_, Some(reals)) => Frames::from_f32(shape, reals),
        _ => Err(malformed(&place, format!("elements are {}, not U8 or F32", view.dtype.name()))),
    }
    .map_err(|e| e.within(&place))
}

/// Labels from a stored integer tensor `[N]`.
pub(crate) fn labels_of(view: &View<'_>, count: usize) -> Result<Vec<u32>> {
    let place = "tensor `labels`";
    if view.shape != [count] {
        return Err(malformed(place, format!("shape {:?} for {count} samples", view.shape)));
    }
    let labels = view
        .to_i64()
        .ok_or_else(|| malformed(place, format!("elements are {}, not integers", view.dtype.name())))?;
    labels
        .iter()
        .map(|&l| u32::try_from(l).map_err(|_| malformed(place, format!("{l} is no class"))))
        .collect()
}

fn find<'a, 'b>(tensors: &'a BTreeMap<String, View<'b>>, name: &str) -> Result<&'a View<'b>> {
    tensors.get(name).ok_or_else(|| malformed(&format!("tensor `{name}`"), "it is missing".to_owned()))
}

fn check_names(tensors: &BTreeMap<String, View<'_>>, main: &str) -> Result<()> {
    match tensors.keys().find(|n| *n != main && *n != "labels") {
        Some(other) => {
            Err(malformed(&format!("tensor `{other}`"), format!("only `{main}` and `labels` belong here")))
        }
        None => Ok(()),
    }
}

fn malformed(place: &str, message: String) -> Diagnostic {
    Diagnostic::new(
        "E0403",
        place,
        message,
        "a data set has `frames` U8 or F32 [N,T,C,H,W], or `images` [N,C,H,W], and integer `labels` [N]",
    )
}

/// The bytes, decompressed if they are gzip (RFC 1952: first bytes 1f 8b).
fn inflate(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut out = Vec::new();
    let read = flate2::read::GzDecoder::new(bytes).take(MAX_FILE_BYTES).read_to_end(&mut out);
    read.map_err(|e| {
        Diagnostic::new("E0116", "gzip", e.to_string(), "the file is truncated or damaged; download it again")
    })?;
    Ok(Cow::Owned(out))
}
