//! Transposed convolution and upsampling against their definitions.
#![allow(clippy::unwrap_used)] // tests

use pulvinar_ir::op::conv_transpose2d::ConvTranspose2d;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::upsample::Upsample;
use pulvinar_ir::{interpret, Graph, Level, Op, Shape, Tensor, Value};

fn net(shape: [usize; 3], op: impl Into<Op>, weight: Option<Tensor>) -> pulvinar_ir::Result<Graph> {
    let mut g = Graph::new("net", Level::Trained, 1);
    let x = g.push("input", Input { shape, kind: InputKind::Real, max: 0 }.into(), &[])?;
    g.tensors.extend(weight.map(|w| ("w".to_owned(), w)));
    g.push("y", op.into(), &[x])?;
    Ok(g)
}

/// Adjoint of the convolution with the same window: `⟨conv(y), x⟩ = ⟨y, transposed(x)⟩` for every x, so each coefficient
/// is compared with the sum over all taps, written out.
#[test]
fn a_transposed_convolution_has_the_value_of_its_definition() {
    let mut cases = 0;
    for seed in 0..200usize {
        let pick = |i: usize, n: usize| (seed * 7919 + i * 104_729 + seed * seed * i) / 13 % n;
        let (kernel, stride, dilation) = (
            [1 + pick(1, 3), 1 + pick(2, 3)],
            [1 + pick(3, 3), 1 + pick(4, 2)],
            [1 + pick(5, 2), 1 + pick(6, 3)],
        );
        let (input, groups) = ([2 * (1 + pick(7, 2)), 1 + pick(8, 4), 1 + pick(9, 4)], 1 + pick(10, 2));
        let (each, padding) = (1 + pick(11, 2), [pick(12, 2), pick(13, 3), pick(14, 2), pick(15, 2)]);
        let output_padding = [pick(16, stride[0]), pick(17, stride[1])];
        let shape = vec![each * groups, input[0] / groups, kernel[0], kernel[1]];
        let n: usize = shape.iter().product();
        let weights: Vec<f32> = (0..n).map(|i| (pick(i + 20, 17) as f32 - 8.0) / 4.0).collect();
        let op = ConvTranspose2d {
            weight: "w".into(),
            bias: None,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
        };
        let Ok(g) = net(input, op, Some(Tensor::real(shape, weights.clone()))) else { continue };
        let x: Vec<f64> = (0..input.iter().product()).map(|i: usize| pick(i + 500, 9) as f64 - 4.0).collect();
        let from = Shape::new(1, input[0], input[1], input[2]);
        let y = interpret::output(&g, &Value::real(from, x.clone())).unwrap();
        let size = |i: usize| {
            (input[i + 1] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 + output_padding[i]
                - padding[2 * i]
                - padding[2 * i + 1]
        };
        assert_eq!((y.shape.h, y.shape.w), (size(0), size(1)), "case {seed}");
        let mut want = vec![0.0; y.shape.len()];
        for (_, i, r, c) in from.coords() {
            for o in (0..y.shape.c).filter(|o| o / each == i / (input[0] / groups)) {
                for (ky, kx) in (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| (ky, kx))) {
                    let row = (r * stride[0] + ky * dilation[0]) as i64 - padding[0] as i64;
                    let col = (c * stride[1] + kx * dilation[1]) as i64 - padding[2] as i64;
                    if (0..y.shape.h as i64).contains(&row) && (0..y.shape.w as i64).contains(&col) {
                        let w = ((o * (input[0] / groups) + i % (input[0] / groups)) * kernel[0] + ky)
                            * kernel[1]
                            + kx;
                        want[y.shape.index(0, o, row as usize, col as usize)] +=
                            f64::from(weights[w]) * x[from.index(0, i, r, c)];
                    }
                }
            }
        }
        assert_eq!(y.reals(), want, "case {seed}");
        cases += 1;
    }
    assert!(cases > 100, "{cases} cases");
}

#[test]
fn output_padding_stays_below_the_stride_or_the_dilation() {
    let op = |output_padding| ConvTranspose2d {
        weight: "w".into(),
        bias: None,
        stride: [2, 2],
        padding: [1; 4],
        output_padding,
        dilation: [1, 1],
        groups: 1,
    };
    let weight = || Some(Tensor::real(vec![1, 1, 3, 3], vec![1.0; 9]));
    assert_eq!(net([1, 4, 4], op([1, 1]), weight()).unwrap().nodes[1].ty.shape, Shape::new(1, 1, 8, 8));
    let refused = net([1, 4, 4], op([0, 2]), weight()).unwrap_err();
    assert!(refused.to_string().contains("output padding"), "{refused}");
}

#[test]
fn an_upsampling_repeats_its_neighbours() {
    let g = net([1, 2, 2], Upsample { scale: [2, 3] }, None).unwrap();
    let y = interpret::output(&g, &Value::real(Shape::new(1, 1, 2, 2), vec![1.0, 2.0, 3.0, 4.0])).unwrap();
    let top = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0];
    let below = [3.0, 3.0, 3.0, 4.0, 4.0, 4.0];
    assert_eq!(y.reals(), [top, top, below, below].concat());
}
