//! Which points no other beats, and how much of the space of objectives they cover. Every objective is minimised here;
//! [`Goal::unit`](crate::space::Goal::unit) brings metrics into this form.
//!
//! Hypervolume: E. Zitzler and L. Thiele, "Multiobjective evolutionary algorithms", IEEE Trans. Evol. Comput. 3 (1999)
//! 257-271. Computed exactly by limit sets, one objective less at every level: L. While, L. Bradstreet and L. Barone, "A fast
//! way of calculating exact hypervolumes", IEEE Trans. Evol. Comput. 16 (2012) 86-95.

use std::cmp::Ordering;

/// True if `a` is nowhere worse than `b`; equal points cover each other.
fn covers(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Indices of the points that no other dominates, in ascending order; of equal points the first. A point with a value
/// that is no number is left out. All points have the same number of objectives.
pub fn front(points: &[Vec<f64>]) -> Vec<usize> {
    // -0.0 and 0.0 are one value, and must be neighbours in the order too.
    let clean: Vec<Vec<f64>> = points.iter().map(|p| p.iter().map(|v| v + 0.0).collect()).collect();
    let mut order: Vec<usize> = (0..points.len()).filter(|&i| !clean[i].iter().any(|v| v.is_nan())).collect();
    order.sort_by(|&a, &b| lexicographic(&clean[a], &clean[b]).then(a.cmp(&b)));
    // Nothing is dominated by what comes later in this order, and domination is transitive.
    let mut front: Vec<usize> = Vec::new();
    for i in order {
        if !front.iter().any(|&f| covers(&clean[f], &clean[i])) {
            front.push(i);
        }
    }
    front.sort_unstable();
    front
}

/// Volume that the points dominate within the box up to `reference`, in the product of the objectives' units. A point that
/// is not better than the reference in every objective covers nothing. Exact up to rounding; the time grows with the
/// number of points to the power of objectives less one: a thousand points of three objectives take some tens of
/// milliseconds, a hundred of six too.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside = |p: &&Vec<f64>| p.iter().zip(reference).all(|(v, r)| v < r);
    volume(points.iter().filter(inside).cloned().collect(), reference)
}

/// What a further point adds to the hypervolume of `points`.
pub fn contribution(point: &[f64], points: &[Vec<f64>], reference: &[f64]) -> f64 {
    if !point.iter().zip(reference).all(|(v, r)| v < r) {
        return 0.0;
    }
    (own(point, reference) - hypervolume(&limited(point, points), reference)).max(0.0)
}

/// Volume that one point dominates.
fn own(point: &[f64], reference: &[f64]) -> f64 {
    point.iter().zip(reference).map(|(v, r)| r - v).product()
}

/// The parts of `points` that lie within what `point` dominates.
fn limited(point: &[f64], points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let worse = |q: &Vec<f64>| point.iter().zip(q).map(|(a, b)| a.max(*b)).collect();
    points.iter().map(worse).collect()
}

/// Volume of points that are inside the reference.
fn volume(mut points: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    match reference {
        [] => 0.0,
        [r] => points.iter().map(|p| r - p[0]).fold(0.0, f64::max),
        [rx, ry] => {
            points.sort_by(|a, b| lexicographic(a, b));
            let mut top = *ry;
            let mut area = 0.0;
            for p in points.iter().filter(|p| p[1] < *ry) {
                if p[1] < top {
                    area += (rx - p[0]) * (top - p[1]);
                    top = p[1];
                }
            }
            area
        }
        [rest @ .., r] => {
            let mut kept: Vec<Vec<f64>> = front(&points).into_iter().map(|i| points[i].clone()).collect();
            let last = rest.len();
            // Worst in the last objective first: all that follow reach at least as deep, so that what they leave of a point
            // is a volume of the other objectives times the point's own depth.
            kept.sort_by(|a, b| b[last].total_cmp(&a[last]).then_with(|| lexicographic(a, b)));
            let depth: Vec<f64> = kept.iter().map(|p| r - p[last]).collect();
            kept.iter_mut().for_each(|p| p.truncate(last));
            let left = |i: usize| {
                let covered = volume(limited(&kept[i], &kept[i + 1..]), rest);
                depth[i] * (own(&kept[i], rest) - covered)
            };
            (0..kept.len()).map(left).sum()
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // whole numbers leave no rounding
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sum over all subsets, with the sign of their size, of the volume that all of the subset dominate.
    fn by_inclusion_and_exclusion(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        let subset = |mask: u32| {
            let chosen = (0..points.len()).filter(|i| mask >> i & 1 == 1).map(|i| &points[i]);
            let worst = chosen.fold(vec![f64::NEG_INFINITY; reference.len()], |w, p| {
                w.iter().zip(p).map(|(a, b)| a.max(*b)).collect()
            });
            let volume: f64 = worst.iter().zip(reference).map(|(v, r)| (r - v).max(0.0)).product();
            if mask.count_ones() % 2 == 1 {
                volume
            } else {
                -volume
            }
        };
        (1..1u32 << points.len()).map(subset).sum()
    }

    /// Unit cells of the integer grid that some point dominates.
    fn by_counting(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        let sides: Vec<usize> = reference.iter().map(|r| *r as usize).collect();
        let cell = |mut index: usize| {
            let mut cell = Vec::new();
            for side in &sides {
                cell.push((index % side) as f64);
                index /= side;
            }
            points.iter().any(|p| covers(p, &cell))
        };
        (0..sides.iter().product()).filter(|&i| cell(i)).count() as f64
    }

    fn integer_points() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1usize..=5).prop_flat_map(|d| {
            let point = proptest::collection::vec((0i8..=7).prop_map(f64::from), d);
            proptest::collection::vec(point, 0..=9)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whole numbers leave no rounding: the three ways agree to the last bit.
        #[test]
        fn hypervolume_is_that_of_brute_force(points in integer_points()) {
            let reference = vec![6.0; points.first().map_or(2, Vec::len)];
            let volume = hypervolume(&points, &reference);
            prop_assert_eq!(volume, by_inclusion_and_exclusion(&points, &reference));
            prop_assert_eq!(volume, by_counting(&points, &reference));
            // Points one by one come to the same.
            let grown: f64 = (0..points.len()).map(|i| contribution(&points[i], &points[..i], &reference)).sum();
            prop_assert_eq!(volume, grown);
            // Only the front counts.
            let kept: Vec<Vec<f64>> = front(&points).into_iter().map(|i| points[i].clone()).collect();
            prop_assert_eq!(volume, hypervolume(&kept, &reference));
        }

        /// By the definition: no other point is nowhere worse and somewhere better, and none before it is equal.
        #[test]
        fn front_is_what_the_definition_says(points in integer_points()) {
            let beaten = |i: usize| {
                let better = |p: &Vec<f64>| covers(p, &points[i]) && *p != points[i];
                points.iter().any(better) || points[..i].contains(&points[i])
            };
            let expected: Vec<usize> = (0..points.len()).filter(|&i| !beaten(i)).collect();
            prop_assert_eq!(front(&points), expected);
        }
    }

    /// The corners of DTLZ2's front, one objective at 1 and the others at 0, leave one of 2^d unit boxes below (2, .., 2).
    #[test]
    fn corners_of_a_sphere() {
        for d in 1..=7 {
            let corner = |i: usize| (0..d).map(|j| f64::from(u8::from(i == j))).collect();
            let points: Vec<Vec<f64>> = (0..d).map(corner).collect();
            let expected = if d == 1 { 1.0 } else { f64::from((1 << d) - 1) };
            assert_eq!(hypervolume(&points, &vec![2.0; d]).to_bits(), expected.to_bits(), "{d} objectives");
        }
    }

    /// A fine net on the eighth of a sphere covers nearly the box without that eighth: 1.5^3 - pi / 6.
    #[test]
    fn net_on_a_sphere() {
        let side = 40;
        let net = (0..=side).flat_map(|i| (0..=side).map(move |j| (i, j)));
        let angle = |i: i32| f64::from(i) / f64::from(side) * std::f64::consts::FRAC_PI_2;
        let point = |(i, j): (i32, i32)| {
            let ((sa, ca), (sb, cb)) = (angle(i).sin_cos(), angle(j).sin_cos());
            vec![ca * cb, ca * sb, sa]
        };
        let points: Vec<Vec<f64>> = net.map(point).collect();
        let (volume, limit) = (hypervolume(&points, &[1.5; 3]), 1.5f64.powi(3) - std::f64::consts::PI / 6.0);
        assert!(volume < limit && volume > 0.97 * limit, "{volume} of {limit}");
    }

    #[test]
    fn what_is_no_number_is_no_point() {
        let points = [vec![f64::NAN, 0.0], vec![1.0, -0.0], vec![1.0, 0.0], vec![f64::INFINITY, -1.0]];
        assert_eq!(front(&points), [1, 3]);
        assert_eq!(hypervolume(&points, &[2.0, 1.0]).to_bits(), 1.0f64.to_bits());
        assert_eq!(hypervolume(&[], &[1.0]).to_bits(), 0.0f64.to_bits());
        assert!(front(&[]).is_empty());
    }
}
