//! Spike raster of one input.

use super::svg::{cut, num, Anchor, Svg};
use super::{Plot, PALETTE};
use crate::report::Report;
use crate::units::count;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "raster",
    caption:
        "Spikes of the first input: one mark a spike, timesteps to the right, neurons of a layer downwards.",
    draw,
};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 130.0;
const BAND: f64 = 64.0;
const GAP: f64 = 10.0;

fn draw(report: &Report) -> Option<String> {
    let layers: Vec<usize> = (0..report.layers.len()).filter(|l| report.layers[*l].neurons > 0).collect();
    let steps = f64::from(report.model.timesteps);
    if report.raster.spikes.is_empty() || layers.is_empty() || steps == 0.0 {
        return None;
    }
    let height = (BAND + GAP) * layers.len() as f64;
    let mut svg = Svg::new(WIDTH, height + 34.0);
    let cell = (WIDTH - LEFT - 4.0) / steps;
    for (row, index) in layers.iter().enumerate() {
        let layer = &report.layers[*index];
        let top = (BAND + GAP) * row as f64;
        svg.rect([LEFT, top, cell * steps, BAND], "class=\"b\"", "");
        svg.text((LEFT - 8.0, top + 26.0), Anchor::End, "t", &cut(&layer.name, LEFT - 8.0));
        let neurons = format!("{} neurons", count(layer.neurons as f64));
        svg.text((LEFT - 8.0, top + 42.0), Anchor::End, "m", &neurons);
        // A cell holds one step of the layer; its neurons fill it row by row, so that large layers do not blur.
        let columns = (layer.neurons as f64 / BAND).ceil().clamp(1.0, (cell * 0.85).floor().max(1.0)) as u64;
        let rows = layer.neurons.div_ceil(columns).max(1);
        let wide = (cell * 0.85).min(12.0 * columns as f64) / columns as f64;
        let tall = (BAND / rows as f64).clamp(0.7, 6.0);
        let mut path = String::new();
        let own = report.raster.spikes.iter().filter(|s| s.layer as usize == *index);
        for s in own.filter(|s| s.step < report.model.timesteps && u64::from(s.neuron) < layer.neurons) {
            let (column, line) = (u64::from(s.neuron) % columns, u64::from(s.neuron) / columns);
            let x = LEFT + cell * (f64::from(s.step) + 0.5) + wide * (column as f64 - columns as f64 / 2.0);
            let y = top + (BAND - tall) * (line as f64 / (rows.max(2) - 1) as f64);
            path.push_str(&format!("M{} {}h{}v{}h-{}z", num(x), num(y), num(wide), num(tall), num(wide)));
        }
        svg.path(&path, &format!("fill=\"{}\"", PALETTE[row % PALETTE.len()]));
    }
    axis(&mut svg, report.model.timesteps, cell, height);
    Some(svg.finish("Spike raster of the first input"))
}

fn axis(svg: &mut Svg, steps: u32, cell: f64, y: f64) {
    let every = steps.div_ceil(16).max(1);
    for t in (0..steps).step_by(every as usize) {
        svg.text((LEFT + cell * (f64::from(t) + 0.5), y + 6.0), Anchor::Middle, "m", &t.to_string());
    }
    svg.text((LEFT + cell * f64::from(steps) / 2.0, y + 24.0), Anchor::Middle, "m", "timestep");
}
