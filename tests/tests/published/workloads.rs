//! Workloads against the census of the same graphs: two counts of one network, written apart.

use crate::nets::{Net, Rates};
use pulvinar_models::zoo::build::{self, Setting};
use pulvinar_reports::energy::workload::{Layer, Operand, Role};
use pulvinar_reports::energy::Workload;

fn roles(work: &Workload, role: Role) -> (usize, u64) {
    let of = work.layers.iter().filter(|l| l.role == role);
    (of.clone().count(), of.map(|l| l.geometry.dense_macs()).sum())
}

fn at(name: &str) -> Workload {
    Net::of(name).work(Rates::of(0.1))
}

/// Stems read the sample, shortcuts and what follows no neuron are told apart, everything else reads spikes.
#[test]
fn layers_have_their_place() {
    let residual = at("att-res-18");
    assert_eq!(roles(&residual, Role::Stem), (1, 118_013_952));
    assert_eq!(roles(&residual, Role::Shortcut), (4, 32_112_640));
    assert_eq!(roles(&residual, Role::Spiking), (17, 1_676_791_808));
    assert_eq!(roles(&residual, Role::Analog).0, 0);
    // The fully connected layer reads a mean over the plane: no zeros and ones.
    assert_eq!(residual.layers.last().unwrap().operand, Operand::Graded);
    assert_eq!(roles(&at("ms-resnet-104"), Role::Stem), (3, 946_520_064));
    let gac = at("gac-cifar10-t4");
    assert_eq!((roles(&gac, Role::Stem).1, roles(&gac, Role::Shortcut)), (1_769_472, (3, 3 * 8_388_608)));
    // Spikes that a shortcut carries are added, not multiplied; they are counted with their sum.
    let levels = at("mlf-20");
    assert_eq!((roles(&levels, Role::Shortcut).0, roles(&levels, Role::Analog).0), (0, 0));
    let second = levels.layers.iter().find(|l| l.name == "stage1.block1.conv0").unwrap();
    assert_eq!(second.operand, Operand::Graded);
    assert!((second.rate - 0.6).abs() < 1e-12, "two sums of three neurons: {}", second.rate);
    // Maximum pools keep spikes, average pools do not.
    let pooled = |name: &str| at(name).layers.iter().find(|l| l.name == "conv1").unwrap().operand;
    assert_eq!((pooled("five-layer"), pooled("asa-c")), (Operand::Binary, Operand::Graded));
    let transformer = at("sdt-8-384");
    assert_eq!((roles(&transformer, Role::Stem), transformer.products.len()), ((1, 65_028_096), 8));
    assert!(transformer.modules.is_empty());
}

#[test]
fn workloads_agree_with_the_census() {
    for builder in build::all() {
        let net = Net::with(builder.name, |s| Setting { timesteps: 2, narrow: 16, ..s });
        let work = net.work(Rates::of(0.1));
        let macs: f64 = work.layers.iter().map(Layer::dense_macs).sum();
        assert_eq!(macs as u64, net.census.layer_macs(), "{}", builder.name);
        let neurons = net.census.neurons;
        assert_eq!(work.neuron_count(), neurons.conv + neurons.linear, "{}", builder.name);
        let inside = work.layers.iter().all(|l| l.geometry.macs_inside() <= l.geometry.dense_macs());
        assert!(inside, "{}", builder.name);
        assert!(work.layers.iter().any(|l| l.role == Role::Stem), "{}", builder.name);
    }
}
