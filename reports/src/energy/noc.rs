//! Routers and links: DSENT 0.91 (bulk LVT, five ports), linear interpolation.
//!
//! Buffer energy, clock, leakage and area are taken over flit width and buffer slots of a port (virtual channels ×
//! depth), the crossbar over flit width, arbitration over virtual channels. At four flits a channel, two channels
//! cost 1.27 and four 1.75 times the flit energy of one (held by a test). Beyond the table the last segment goes on.

use super::csv;
use super::errors;
use super::process::{Kind, Process, NETWORK_NM};
use super::quantity::{Grade, Origin, Sourced};
use super::sram::tidy;
use pulvinar_ir::Result;

const ROUTERS: &str = include_str!("../../data/dsent_router.csv");
const ROUTER_HEADER: &str = "node_nm,flit_bits,virtual_channels,buffer_flits,buffer_write_pj,buffer_read_pj,\
crossbar_pj,arbitration_pj,clock_pj_per_cycle,leak_mw,area_mm2";
const LINKS: &str = include_str!("../../data/dsent_link.csv");
const LINK_HEADER: &str = "node_nm,bits,length_mm,send_pj,leak_mw,area_mm2";
const SOURCE: &str = "dsent2012";
/// Flit widths of the table, bits.
pub(super) const ROUTER_WIDTHS: [u32; 6] = [8, 16, 32, 64, 128, 256];
/// Ports of the tabulated routers.
const TABLE_PORTS: u32 = 5;
/// Depth of one channel in the part of the table that varies the channels.
const TABLE_DEPTH: u32 = 4;

/// A router to price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterShape {
    /// Process node, nm.
    pub node_nm: u32,
    /// Flit with its header, bits.
    pub flit_bits: u32,
    /// Virtual channels of a port.
    pub virtual_channels: u32,
    /// Flits in the buffer of one channel.
    pub buffer_flits: u32,
    /// Ports.
    pub ports: u32,
}

/// Quantities of one router.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RouterFigures {
    /// Input buffer write of one flit, pJ.
    pub buffer_write_pj: f64,
    /// Input buffer read of one flit, pJ.
    pub buffer_read_pj: f64,
    /// Crossbar traversal of one flit, pJ.
    pub crossbar_pj: f64,
    /// Arbitration, pJ.
    pub arbitration_pj: f64,
    /// Clock, pJ per cycle.
    pub clock_pj_per_cycle: f64,
    /// Leakage, mW.
    pub leak_mw: f64,
    /// Area, mm².
    pub area_mm2: f64,
}

/// A quantity of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouterFigure {
    /// Input buffer write of one flit, pJ.
    BufferWrite,
    /// Input buffer read of one flit, pJ.
    BufferRead,
    /// Crossbar traversal of one flit, pJ.
    Crossbar,
    /// Arbitration, pJ.
    Arbitration,
    /// Clock, pJ per cycle.
    Clock,
    /// Leakage, mW.
    Leakage,
    /// Area, mm².
    Area,
}

impl RouterFigure {
    /// Every quantity.
    pub const ALL: [RouterFigure; 7] = [
        Self::BufferWrite,
        Self::BufferRead,
        Self::Crossbar,
        Self::Arbitration,
        Self::Clock,
        Self::Leakage,
        Self::Area,
    ];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::BufferWrite => "buffer write",
            Self::BufferRead => "buffer read",
            Self::Crossbar => "crossbar",
            Self::Arbitration => "arbitration",
            Self::Clock => "clock",
            Self::Leakage => "leakage",
            Self::Area => "area",
        }
    }

    /// Unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::BufferWrite | Self::BufferRead | Self::Crossbar | Self::Arbitration => "pJ",
            Self::Clock => "pJ/cycle",
            Self::Leakage => "mW",
            Self::Area => "mm2",
        }
    }
}

/// One row of the router sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterPoint {
    /// Router of the row.
    pub shape: RouterShape,
    /// What DSENT gives.
    pub figures: RouterFigures,
}

/// The router sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterTable(pub Vec<RouterPoint>);

/// A router looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Router {
    /// What was asked for.
    pub shape: RouterShape,
    /// What the table gives for it.
    pub figures: RouterFigures,
}

impl RouterTable {
    /// The table in the program.
    pub fn embedded() -> Self {
        RouterTable(csv::rows(ROUTERS, ROUTER_HEADER).iter().map(|r| parse_router(r)).collect())
    }

    /// A router; `None` when there are no data for the node.
    pub fn lookup(&self, shape: RouterShape) -> Option<Router> {
        if !self.0.iter().any(|p| p.shape.node_nm == shape.node_nm) {
            return None;
        }
        let slots = |f: fn(&RouterFigures) -> f64| self.over_slots(shape, f);
        // Input buffers, their clock and leakage repeat per port; the tabulated router has five.
        let ports = f64::from(shape.ports) / f64::from(TABLE_PORTS);
        let figures = RouterFigures {
            buffer_write_pj: slots(|f| f.buffer_write_pj),
            buffer_read_pj: slots(|f| f.buffer_read_pj),
            crossbar_pj: slots(|f| f.crossbar_pj),
            arbitration_pj: self.over_channels(shape),
            clock_pj_per_cycle: slots(|f| f.clock_pj_per_cycle) * ports,
            leak_mw: slots(|f| f.leak_mw) * ports,
            area_mm2: slots(|f| f.area_mm2) * ports,
        };
        Some(Router { shape, figures })
    }

    fn over_slots(&self, shape: RouterShape, f: fn(&RouterFigures) -> f64) -> f64 {
        let rows: Vec<&RouterPoint> = self.0.iter().filter(|p| p.shape.node_nm == shape.node_nm).collect();
        let mut widths: Vec<u32> = rows.iter().map(|p| p.shape.flit_bits).collect();
        widths.sort_unstable();
        widths.dedup();
        let wanted = f64::from(shape.virtual_channels * shape.buffer_flits);
        let at_width = |bits: u32| {
            let of = |p: &&&RouterPoint| p.shape.flit_bits == bits;
            let slots = |p: &&RouterPoint| f64::from(p.shape.virtual_channels * p.shape.buffer_flits);
            linear(rows.iter().filter(of).map(|p| (slots(p), f(&p.figures))), wanted)
        };
        linear(widths.iter().map(|b| (f64::from(*b), at_width(*b))), f64::from(shape.flit_bits))
    }

    fn over_channels(&self, shape: RouterShape) -> f64 {
        let bits = self.0.first().map_or(0, |p| p.shape.flit_bits);
        let of = |p: &&RouterPoint| {
            p.shape.node_nm == shape.node_nm
                && p.shape.flit_bits == bits
                && p.shape.buffer_flits == TABLE_DEPTH
        };
        let points = self.0.iter().filter(of);
        linear(
            points.map(|p| (f64::from(p.shape.virtual_channels), p.figures.arbitration_pj)),
            f64::from(shape.virtual_channels),
        )
    }
}

impl Router {
    /// Value of a figure.
    pub fn value(&self, figure: RouterFigure) -> f64 {
        let f = &self.figures;
        match figure {
            RouterFigure::BufferWrite => f.buffer_write_pj,
            RouterFigure::BufferRead => f.buffer_read_pj,
            RouterFigure::Crossbar => f.crossbar_pj,
            RouterFigure::Arbitration => f.arbitration_pj,
            RouterFigure::Clock => f.clock_pj_per_cycle,
            RouterFigure::Leakage => f.leak_mw,
            RouterFigure::Area => f.area_mm2,
        }
    }

    /// A figure with its provenance.
    pub fn sourced(&self, figure: RouterFigure) -> Sourced {
        let s = self.shape;
        let family = format!("router {}", figure.name());
        let point = format!(
            "{} bit flit, {} channels x {} flits, {} ports",
            s.flit_bits, s.virtual_channels, s.buffer_flits, s.ports
        );
        let on_point = ROUTER_WIDTHS.contains(&s.flit_bits) || figure == RouterFigure::Arbitration;
        let grade = if on_point { Grade::Simulated } else { Grade::Derived };
        let (value, node) = (self.value(figure), Some(s.node_nm));
        let origin = Origin::new(format!("{family}, {point}"), value, figure.unit(), node, &[SOURCE], grade);
        let out = Sourced::of(origin.of_family(family)).notes(self.notes(figure));
        if on_point {
            return out;
        }
        let spread = errors::spread("router between widths");
        out.rule(Origin::rule(format!("rule: router {} between widths", figure.name()), &[SOURCE], spread))
    }

    /// Remarks on a figure, e.g. that the table was extended.
    pub fn notes(&self, figure: RouterFigure) -> Vec<String> {
        use RouterFigure::{Arbitration, Area, Clock, Crossbar, Leakage};
        let s = self.shape;
        let mut notes = Vec::new();
        let slots = s.virtual_channels * s.buffer_flits;
        if !matches!(figure, Crossbar | Arbitration) && !(2..=16).contains(&slots) {
            notes.push("buffers beyond the table of 2 to 16 slots a port: last segment extended".to_owned());
        }
        if figure == Arbitration && s.virtual_channels > 4 {
            notes.push("channels beyond the table of 1 to 4: last segment extended".to_owned());
        }
        if figure != Arbitration && !(8..=256).contains(&s.flit_bits) {
            notes.push("flit beyond the table of 8 to 256 bits: last segment extended".to_owned());
        }
        if s.ports != TABLE_PORTS {
            let scaled = matches!(figure, Clock | Leakage | Area);
            let what = if scaled { "scaled by ports" } else { "kept" };
            notes.push(format!("table of {TABLE_PORTS} ports: {what}"));
        }
        if figure == Leakage {
            notes.push("low-threshold cells, as DSENT has them".to_owned());
        }
        notes
    }
}

/// A quantity of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFigure {
    /// Energy of one flit, pJ.
    Flit,
    /// Leakage, mW.
    Leakage,
    /// Area of the repeaters, mm².
    Area,
}

/// One row of the link sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkPoint {
    /// Process node, nm.
    pub node_nm: u32,
    /// Wires.
    pub bits: u32,
    /// Length, mm.
    pub length_mm: f64,
    /// Energy to send all bits once, pJ.
    pub send_pj: f64,
    /// Leakage, mW.
    pub leak_mw: f64,
    /// Area of the repeaters, mm².
    pub area_mm2: f64,
}

/// The link sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkTable(pub Vec<LinkPoint>);

/// A link looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Wires, length and figures.
    pub point: LinkPoint,
}

impl LinkTable {
    /// The table in the program.
    pub fn embedded() -> Self {
        LinkTable(csv::rows(LINKS, LINK_HEADER).iter().map(|r| parse_link(r)).collect())
    }

    /// A link; `None` without length or without data for the node.
    pub fn lookup(&self, node_nm: u32, bits: u32, length_mm: f64) -> Option<Link> {
        let bits_in_table = self.0.iter().find(|p| p.node_nm == node_nm)?.bits;
        if length_mm <= 0.0 {
            return None;
        }
        // Every figure is proportional to the wires; along the length, energy starts at zero.
        let wires = f64::from(bits) / f64::from(bits_in_table);
        let rows: Vec<&LinkPoint> =
            self.0.iter().filter(|p| p.node_nm == node_nm && p.bits == bits_in_table).collect();
        let along = |f: fn(&LinkPoint) -> f64| rows.iter().map(move |p| (p.length_mm, f(p)));
        let send = linear(std::iter::once((0.0, 0.0)).chain(along(|p| p.send_pj)), length_mm);
        let held = length_mm.max(rows.first()?.length_mm);
        Some(Link {
            point: LinkPoint {
                node_nm,
                bits,
                length_mm,
                send_pj: send * wires,
                leak_mw: linear(along(|p| p.leak_mw), held) * wires,
                area_mm2: linear(along(|p| p.area_mm2), held) * wires,
            },
        })
    }
}

impl Link {
    /// A figure with its provenance; the energy is that of one flit, all wires sampled as DSENT does.
    pub fn sourced(&self, figure: LinkFigure) -> Sourced {
        let (quantity, value, unit) = match figure {
            LinkFigure::Flit => ("flit", self.point.send_pj, "pJ"),
            LinkFigure::Leakage => ("leakage", self.point.leak_mw, "mW"),
            LinkFigure::Area => ("area", self.point.area_mm2, "mm2"),
        };
        let name = format!("link {quantity}, {} bit, {} mm", self.point.bits, tidy(self.point.length_mm));
        let node = Some(self.point.node_nm);
        let origin = Origin::new(name, value, unit, node, &[SOURCE], Grade::Simulated);
        let out = Sourced::of(origin.of_family(format!("link {quantity}")));
        if figure == LinkFigure::Flit && self.point.length_mm > 4.0 {
            return out.note("link beyond the table of 4 mm: last segment extended");
        }
        out
    }
}

/// A figure of a router in the chip's process; the node of the shape is that of the process.
pub fn router(
    table: &RouterTable,
    process: &Process,
    shape: RouterShape,
    figure: RouterFigure,
) -> Result<Option<Sourced>> {
    let kind = match figure {
        RouterFigure::Leakage => Kind::NetworkLeakage,
        RouterFigure::Area => Kind::LogicArea,
        _ => Kind::Network,
    };
    process.place(&NETWORK_NM, kind, |node_nm| {
        table.lookup(RouterShape { node_nm, ..shape }).map(|r| r.sourced(figure))
    })
}

/// A figure of a link of (bits, mm) in the chip's process; `None` without length.
pub fn link(
    table: &LinkTable,
    process: &Process,
    (bits, length_mm): (u32, f64),
    figure: LinkFigure,
) -> Result<Option<Sourced>> {
    let kind = match figure {
        LinkFigure::Flit => Kind::Network,
        LinkFigure::Leakage => Kind::NetworkLeakage,
        LinkFigure::Area => Kind::LogicArea,
    };
    process.place(&NETWORK_NM, kind, |node| table.lookup(node, bits, length_mm).map(|l| l.sourced(figure)))
}

/// Piecewise linear through the points (at least one), the outer segments extended.
pub(super) fn linear(points: impl Iterator<Item = (f64, f64)>, x: f64) -> f64 {
    let mut points: Vec<(f64, f64)> = points.collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(p) = points.iter().find(|p| p.0 == x) {
        return p.1;
    }
    if points.len() < 2 {
        return points.first().map_or(0.0, |p| p.1);
    }
    let upper = points.partition_point(|p| p.0 < x).clamp(1, points.len() - 1);
    let (a, b) = (points[upper - 1], points[upper]);
    a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0)
}

fn parse_router(row: &[String]) -> RouterPoint {
    RouterPoint {
        shape: RouterShape {
            node_nm: csv::number(&row[0]),
            flit_bits: csv::number(&row[1]),
            virtual_channels: csv::number(&row[2]),
            buffer_flits: csv::number(&row[3]),
            ports: TABLE_PORTS,
        },
        figures: RouterFigures {
            buffer_write_pj: csv::number(&row[4]),
            buffer_read_pj: csv::number(&row[5]),
            crossbar_pj: csv::number(&row[6]),
            arbitration_pj: csv::number(&row[7]),
            clock_pj_per_cycle: csv::number(&row[8]),
            leak_mw: csv::number(&row[9]),
            area_mm2: csv::number(&row[10]),
        },
    }
}

fn parse_link(row: &[String]) -> LinkPoint {
    LinkPoint {
        node_nm: csv::number(&row[0]),
        bits: csv::number(&row[1]),
        length_mm: csv::number(&row[2]),
        send_pj: csv::number(&row[3]),
        leak_mw: csv::number(&row[4]),
        area_mm2: csv::number(&row[5]),
    }
}
