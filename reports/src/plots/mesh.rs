//! Load of cores and links on the mesh.

use super::svg::{cut, Anchor, Svg};
use super::Plot;
use crate::report::{LinkLoad, Mesh, Report};
use crate::units::{digits, percent};

/// The figure.
pub const PLOT: Plot = Plot {
    name: "mesh",
    caption: "Load on the chip, mean over the run: cores (blue, share of cycles at work) and links between tiles \
              (purple, flits per cycle; one bar for each direction). The darkest colour is the busiest of its kind.",
    draw,
};

const WIDTH: f64 = 760.0;
const TOP: f64 = 30.0;

/// Sizes that follow from the number of tiles.
struct Scale {
    tile: f64,
    gap: f64,
    left: f64,
}

fn draw(report: &Report) -> Option<String> {
    let mesh = &report.mesh;
    if mesh.core_busy_fraction.is_empty() || mesh.width == 0 || mesh.height == 0 {
        return None;
    }
    let pitch = (WIDTH / f64::from(mesh.width)).clamp(9.0, 150.0);
    let tile = pitch * 0.72;
    let left = (WIDTH - pitch * f64::from(mesh.width) + pitch - tile) / 2.0;
    let scale = Scale { tile, gap: pitch - tile, left };
    let mut svg = Svg::new(WIDTH, TOP + pitch * f64::from(mesh.height) - (pitch - tile) + 4.0);
    let busiest = mesh.core_busy_fraction.iter().copied().fold(0.0, f64::max);
    let links = || mesh.links.iter().filter(|l| l.port < 4);
    let fullest = links().map(|l| l.flits_per_cycle).fold(0.0, f64::max);
    let core_key = format!("busiest core {}", percent(busiest));
    let link_key = format!("busiest link {} flits/cycle", digits(fullest));
    svg.legend((0.0, 12.0), WIDTH, &[(&core_key, BLUE), (&link_key, PURPLE)]);
    for t in 0..mesh.width * mesh.height {
        draw_tile(&mut svg, mesh, &scale, t, busiest);
    }
    for link in links() {
        draw_link(&mut svg, mesh, &scale, link, fullest);
    }
    Some(svg.finish("Load of cores and links"))
}

const BLUE: &str = "#2f78c4";
const PURPLE: &str = "#8a5cc7";

impl Scale {
    fn corner(&self, mesh: &Mesh, tile: u32) -> (f64, f64) {
        let (x, y) = (f64::from(tile % mesh.width), f64::from(tile / mesh.width));
        let pitch = self.tile + self.gap;
        (self.left + x * pitch, TOP + y * pitch)
    }
}

fn draw_tile(svg: &mut Svg, mesh: &Mesh, scale: &Scale, tile: u32, busiest: f64) {
    let (x, y) = scale.corner(mesh, tile);
    let n = mesh.cores_per_tile.max(1);
    let across = (1..=n).find(|k| k * k >= n).unwrap_or(n);
    let down = n.div_ceil(across);
    let (w, h) = (scale.tile / f64::from(across), scale.tile / f64::from(down));
    for local in 0..n {
        let core = (tile * n + local) as usize;
        let busy = mesh.core_busy_fraction.get(core).copied().unwrap_or(0.0);
        let layer = mesh.core_layers.get(core).map_or("", String::as_str);
        let (cx, cy) = (x + w * f64::from(local % across), y + h * f64::from(local / across));
        let square = [cx + 0.5, cy + 0.5, w - 1.0, h - 1.0];
        svg.rect(square, "class=\"b\"", "");
        let shade = if busiest > 0.0 { busy / busiest * 0.85 } else { 0.0 };
        let tip =
            format!("core {core}: {} busy, {}", percent(busy), if layer.is_empty() { "idle" } else { layer });
        let paint = format!("fill=\"{BLUE}\" fill-opacity=\"{shade:.3}\"");
        svg.rect(square, &paint, &tip);
        if w >= 44.0 && h >= 40.0 {
            let mid = cx + w / 2.0;
            svg.text((mid, cy + h / 2.0 - 3.0), Anchor::Middle, "t", &cut(layer, w - 4.0));
            let text = if layer.is_empty() { "idle".to_owned() } else { percent(busy) };
            svg.text(
                (mid, cy + h / 2.0 + 13.0),
                Anchor::Middle,
                if layer.is_empty() { "m" } else { "t" },
                &text,
            );
        }
    }
    let marks = [(tile == mesh.host_tile, "host"), (tile == mesh.dram_tile, "DRAM")];
    let names: Vec<&str> = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
    if !names.is_empty() && scale.tile >= 44.0 {
        svg.text((x + 4.0, y + 13.0), Anchor::Start, "t", &names.join(", "));
    }
}

fn draw_link(svg: &mut Svg, mesh: &Mesh, scale: &Scale, link: &LinkLoad, fullest: f64) {
    let (x, y) = scale.corner(mesh, link.router);
    let (t, g) = (scale.tile, scale.gap);
    // Each direction has its own half of the channel between two tiles: traffic keeps to its right.
    let thick = t * 0.12;
    let (near, far) = (t / 2.0 - thick - 1.0, t / 2.0 + 1.0);
    let bar = match link.port {
        0 => [x + far, y - g, thick, g],
        1 => [x + t, y + far, g, thick],
        2 => [x + near, y + t, thick, g],
        _ => [x - g, y + near, g, thick],
    };
    let shade = if fullest > 0.0 { 0.12 + 0.88 * link.flits_per_cycle / fullest } else { 0.0 };
    let port = crate::report::port_name(link.port);
    let tip = format!("tile {} {port}: {} flits per cycle", link.router, digits(link.flits_per_cycle));
    svg.rect(bar, &format!("fill=\"{PURPLE}\" fill-opacity=\"{shade:.3}\""), &tip);
}
