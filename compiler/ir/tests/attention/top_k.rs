//! `top_k`, by counting for every value how many beat it.

use crate::support::{Case, Rng};
use pulvinar_ir::op::top_k::TopK;
use pulvinar_ir::{Axis, Shape};

#[test]
fn a_value_wins_if_fewer_than_k_beat_it() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let shape = rng.shape([4, 6, 3, 3]);
        let axis = Axis::ALL[rng.size(0, 3)];
        let n = shape.dims()[axis as usize];
        let k = rng.size(0, n);
        let mut case = Case::new(seed, shape);
        case.push(TopK { axis, k }).unwrap();
        // Few different values, so that most lines have ties; −0 equals 0.
        let x: Vec<f64> = (0..shape.len()).map(|_| [-1.0, -0.0, 0.0, 1.0][rng.size(0, 3)]).collect();
        let y = case.run(&x);
        for (at, (t, c, h, w)) in shape.coords().enumerate() {
            let own = [t, c, h, w][axis as usize];
            let beaten_by = (0..n)
                .filter(|&i| {
                    let mut place = [t, c, h, w];
                    place[axis as usize] = i;
                    let v = x[shape.index(place[0], place[1], place[2], place[3])];
                    v > x[at] || (v == x[at] && i < own)
                })
                .count();
            assert_eq!(y[at], f64::from(u8::from(beaten_by < k)), "seed {seed}, element {at}");
        }
    }
}

#[test]
fn of_equal_values_the_lowest_index_comes_first() {
    let won = |axis: Axis, k: usize, x: &[f64]| {
        let mut case = Case::new(1, Shape::new(2, 3, 1, 1));
        case.push(TopK { axis, k }).unwrap();
        case.run(x)
    };
    assert_eq!(won(Axis::C, 2, &[5.0, 5.0, 5.0, 1.0, 3.0, 3.0]), [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(won(Axis::C, 1, &[-0.0, 0.0, -0.0, 1.0, 3.0, 3.0]), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(won(Axis::T, 1, &[5.0, 1.0, 2.0, 5.0, 2.0, 1.0]), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(won(Axis::T, 0, &[1.0; 6]), [0.0; 6]);
}

#[test]
fn more_than_there_are_is_refused() {
    let refused = |axis: Axis, k: usize| Case::new(1, Shape::new(2, 3, 1, 1)).refused(TopK { axis, k });
    assert_eq!(refused(Axis::C, 4), "E0201");
    assert_eq!(refused(Axis::H, 2), "E0201");
}
