//! The report as CSV files (RFC 4180, units in the heads), for spreadsheets and plotting scripts.

use crate::report::Report;

/// Quotes a field where it must be quoted.
pub(crate) fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// `layers.csv`: one row a layer.
pub fn layers(report: &Report) -> String {
    let mut out = String::from(
        "layer,kind,channels,rows,columns,neurons,cores,spikes,spikes_per_neuron_step,synaptic_events,\
         synapse_busy_core_cycles,sweep_busy_core_cycles,attention_busy_core_cycles,stall_core_cycles,busy_fraction,\
         energy_pj\n",
    );
    for l in &report.layers {
        let [c, h, w] = l.shape;
        out.push_str(&format!(
            "{},{},{c},{h},{w},{},{},{},{},{},{},{},{},{},{},{}\n",
            field(&l.name),
            field(&l.kind),
            l.neurons,
            l.cores,
            l.spikes,
            l.firing_rate,
            l.synaptic_events,
            l.synapse_busy_cycles,
            l.sweep_busy_cycles,
            l.attention_busy_cycles,
            l.stall_cycles.map_or(String::new(), |c| c.to_string()),
            l.busy_fraction,
            l.energy_pj
        ));
    }
    out
}

/// `energy.csv`: one row a layer and part; the rows add up to the total.
pub fn energy(report: &Report) -> String {
    let mut out = String::from("layer,part,energy_pj\n");
    for l in &report.energy.by_layer {
        for p in &l.parts {
            out.push_str(&format!("{},{},{}\n", field(&l.layer), field(&p.component), p.energy_pj));
        }
    }
    out
}

/// `activity.csv`: one row a layer and activity.
pub fn activity(report: &Report) -> String {
    let mut out = String::from("layer,activity,count\n");
    for l in &report.layers {
        for c in &l.counts {
            out.push_str(&format!("{},{},{}\n", field(&l.name), field(&c.name), c.value));
        }
    }
    out
}

/// `rates.csv`: spikes per neuron, one row a layer and timestep.
pub fn rates(report: &Report) -> String {
    let mut out = String::from("layer,timestep,spikes_per_neuron\n");
    for r in &report.rates {
        for (t, rate) in r.spikes_per_neuron.iter().enumerate() {
            out.push_str(&format!("{},{t},{rate}\n", field(&r.layer)));
        }
    }
    out
}

/// `timeline.csv`: one row a span.
pub fn timeline(report: &Report) -> String {
    let mut out = String::from("core,start_cycle,end_cycle,kind,layer\n");
    for s in &report.timeline.spans {
        let (kind, layer) = (field(&s.kind), field(&s.layer));
        out.push_str(&format!("{},{},{},{kind},{layer}\n", s.core, s.start_cycle, s.end_cycle));
    }
    out
}
