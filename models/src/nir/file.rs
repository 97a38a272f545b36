//! The HDF5 container: `version` and the group `node`, in which every group is a node and every dataset a parameter.

use super::param::{Array, Param, RawGraph, RawNode};
use crate::import::hdf5::{param, strings, SIGNATURE};
use hdf5_pure::{File, FileBuilder, Group, GroupBuilder};
use pulvinar_ir::{Diagnostic, Result};

/// Deepest nesting of graphs.
const MAX_DEPTH: usize = 16;
/// Most nodes, and most edges, of a file.
pub(super) const MAX_NODES: usize = 1 << 14;
/// Most numbers of a file.
const MAX_NUMBERS: usize = 1 << 27;
/// Level of gzip, as in files written by the Python package.
const GZIP: u32 = 4;

/// True for an HDF5 file with a group `node`.
pub(super) fn recognises(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE) && File::from_bytes(bytes.to_vec()).is_ok_and(|f| f.group("node").is_ok())
}

fn unreadable(place: &str, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        "E0510",
        place,
        format!("this is no NIR file that can be read: {what}"),
        "download it again, or write it again with `nir.write(path, graph)`",
    )
}

fn bad(place: &str, what: &str) -> Diagnostic {
    unreadable(place, what)
}

/// What is left of the limits of a file.
struct Reader {
    nodes: usize,
    numbers: usize,
}

/// Version and graph of a file.
pub(super) fn read(bytes: &[u8]) -> Result<(String, RawGraph)> {
    let file = File::from_bytes(bytes.to_vec()).map_err(|e| unreadable("file", e))?;
    let mut reader = Reader { nodes: MAX_NODES, numbers: MAX_NUMBERS };
    let version = match file.dataset("version") {
        Ok(dataset) => strings(&dataset, "version", bad)?.join(" "),
        Err(_) => "unknown".to_owned(),
    };
    let group = file.group("node").map_err(|e| unreadable("group `node`", e))?;
    let node = reader.node(&group, "node", 0)?;
    let graph = node.graph.ok_or_else(|| unreadable("group `node`", "it holds no NIRGraph"))?;
    Ok((version, graph))
}

impl Reader {
    fn node(&mut self, group: &Group, place: &str, depth: usize) -> Result<RawNode> {
        self.nodes = self
            .nodes
            .checked_sub(1)
            .ok_or_else(|| unreadable(place, format!("it holds more than {MAX_NODES} nodes")))?;
        let mut node = RawNode::default();
        for (key, dataset) in group.iter_datasets().map_err(|e| unreadable(place, e))? {
            let at = format!("{place}/{key}");
            if key == "type" {
                node.kind = strings(&dataset, &at, bad)?.concat();
            } else if key != "edges" {
                let param = param(&dataset, &at, &mut self.numbers, bad)?;
                node.params.insert(key, param);
            }
        }
        if node.kind == "NIRGraph" {
            if depth == MAX_DEPTH {
                return Err(unreadable(place, format!("graphs are nested deeper than {MAX_DEPTH}")));
            }
            node.graph = Some(self.graph(group, place, depth)?);
        }
        Ok(node)
    }

    fn graph(&mut self, group: &Group, place: &str, depth: usize) -> Result<RawGraph> {
        let mut graph = RawGraph::default();
        let nodes = group.group("nodes").map_err(|e| unreadable(&format!("{place}/nodes"), e))?;
        for (name, inner) in nodes.iter_groups().map_err(|e| unreadable(place, e))? {
            let node = self.node(&inner, &format!("{place}/nodes/{name}"), depth + 1)?;
            graph.nodes.insert(name, node);
        }
        let at = format!("{place}/edges");
        let edges = group.dataset("edges").map_err(|e| unreadable(&at, e))?;
        let shape = edges.shape().map_err(|e| unreadable(&at, e))?;
        let names = if shape.contains(&0) { Vec::new() } else { strings(&edges, &at, bad)? };
        if shape.last() != Some(&2) && !names.is_empty() {
            return Err(unreadable(&at, format!("edges have shape {shape:?} and not [n, 2]")));
        }
        graph.edges = names.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        Ok(graph)
    }
}

/// A file with this graph.
pub(super) fn write(version: &str, graph: &RawGraph) -> Result<Vec<u8>> {
    let mut file = FileBuilder::new();
    file.create_dataset("version").with_vlen_strings(&[version]).with_shape(&[]);
    let mut node = file.create_group("node");
    write_graph(&mut node, graph);
    file.add_group(node.finish());
    file.finish().map_err(|e| {
        Diagnostic::new(
            "E0517",
            "NIR file",
            format!("the container cannot be written: {e}"),
            "export a smaller network",
        )
    })
}

fn write_graph(group: &mut GroupBuilder, graph: &RawGraph) {
    group.create_dataset("type").with_vlen_strings(&["NIRGraph"]).with_shape(&[]);
    let flat: Vec<&str> = graph.edges.iter().flat_map(|(a, b)| [a.as_str(), b.as_str()]).collect();
    group.create_dataset("edges").with_vlen_strings(&flat).with_shape(&[graph.edges.len() as u64, 2]);
    let mut nodes = group.create_group("nodes");
    for (name, node) in &graph.nodes {
        let mut inner = nodes.create_group(name);
        inner.create_dataset("type").with_vlen_strings(&[&node.kind]).with_shape(&[]);
        for (key, param) in &node.params {
            write_param(&mut inner, key, param);
        }
        nodes.add_group(inner.finish());
    }
    group.add_group(nodes.finish());
}

fn write_param(group: &mut GroupBuilder, key: &str, param: &Param) {
    let sizes = |array: &Array| array.shape.iter().map(|&n| n as u64).collect::<Vec<u64>>();
    let dataset = group.create_dataset(key);
    match param {
        Param::Text(text) => {
            dataset.with_vlen_strings(&[text]).with_shape(&[]);
        }
        Param::Integers(array) => {
            let values: Vec<i64> = array.values.iter().map(|&v| v as i64).collect();
            dataset.with_i64_data(&values).with_shape(&sizes(array));
        }
        Param::Reals(array) => {
            let shape = sizes(array);
            let single: Vec<f32> = array.values.iter().map(|&v| v as f32).collect();
            if single.iter().zip(&array.values).all(|(&s, &v)| f64::from(s) == v) {
                dataset.with_f32_data(&single).with_shape(&shape);
            } else {
                dataset.with_f64_data(&array.values).with_shape(&shape);
            }
            if !shape.is_empty() {
                dataset.with_chunks(&shape).with_deflate(GZIP);
            }
        }
        Param::Other(_) => {}
    }
}
