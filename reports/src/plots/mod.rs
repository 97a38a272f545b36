//! Figures as SVG, one a file. Text and axes take their colours from classes, so that a page can be light or dark.

mod area;
pub mod bars;
pub(crate) mod dots;
mod energy;
mod energy_steps;
pub(crate) mod estimators;
pub mod heat;
mod latency;
pub mod lines;
mod mesh;
pub mod parallel;
mod raster;
mod rates;
pub mod scale;
pub mod scatter;
mod svg;
mod timeline;
mod tornado;
mod widths;

use crate::report::Report;

/// A figure.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    /// File name without `.svg`, and anchor on the page.
    pub name: &'static str,
    /// What it shows and how to read it.
    pub caption: &'static str,
    /// The SVG, or nothing if the report lacks the numbers.
    pub draw: fn(&Report) -> Option<String>,
}

/// Every figure.
pub const PLOTS: &[Plot] = &[
    latency::PLOT,
    timeline::PLOT,
    energy::PLOT,
    energy_steps::PLOT,
    estimators::PLOT,
    tornado::PLOT,
    mesh::PLOT,
    rates::PLOT,
    raster::PLOT,
    widths::PLOT,
    area::PLOT,
];

/// Rules for the classes, as custom properties of the page.
pub(crate) const CLASSES: &str = "svg{font-family:system-ui,sans-serif;font-size:12px}\
    svg .t{fill:var(--ink)}svg .m{fill:var(--muted)}svg .a{stroke:var(--muted)}svg .g{stroke:var(--line)}\
    svg .b{fill:var(--soft)}svg .k{stroke:var(--ink)}\
    svg .h{stroke:var(--page);stroke-width:3px;paint-order:stroke}";

/// A figure by name.
pub fn plot(name: &str) -> Option<&'static Plot> {
    PLOTS.iter().find(|p| p.name == name)
}

/// An SVG with its own colours, to stand in a file.
pub fn standalone(svg: &str) -> String {
    let style = "<style>svg{font-family:sans-serif;font-size:12px}.t{fill:#1b1f24}.m{fill:#59636e}\
        .a{stroke:#59636e}.g{stroke:#d8dee4}.b{fill:#f3f5f7}.k{stroke:#1b1f24}\
        .h{stroke:#fff;stroke-width:3px;paint-order:stroke}</style>";
    svg.find('>')
        .map_or_else(|| svg.to_owned(), |end| format!("{}{style}{}\n", &svg[..=end], &svg[end + 1..]))
}

/// Colour of a part of the chip; one hue a family, memories lighter than their engine.
pub fn component_colour(component: &str) -> Option<&'static str> {
    Some(match component {
        "synapse" => "#2f78c4",
        "weight memory" => "#6aa9e0",
        "accumulator memory" => "#a9cdee",
        "neuron" => "#2e9e6b",
        "state memory" => "#84cba8",
        "attention" => "#e07b22",
        "attention memory" => "#f3b679",
        "interface" => "#a58fd8",
        "network" => "#7048b6",
        "DRAM" => "#c0392b",
        "clock" => "#b8bcc2",
        "leakage" => "#7f868e",
        _ => return None,
    })
}

/// Colours of things without a colour of their own, by index.
pub const PALETTE: [&str; 8] =
    ["#2f78c4", "#e07b22", "#2e9e6b", "#8a5cc7", "#c0392b", "#9a7b3f", "#d35fa0", "#6b7785"];
