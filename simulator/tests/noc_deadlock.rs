//! The static deadlock check, the trees and the refusal of bad configurations.

use pulvinar_simulator::noc::cdg::{Dependencies, Flow};
use pulvinar_simulator::noc::config::{EAST, NORTH, SOUTH, WEST};
use pulvinar_simulator::noc::{
    build_tree, Config, Fabric, Fast, Plain, PortId, Route, Routing, Topology, Tree,
};

fn mesh(routing: Routing) -> Config {
    let mut config = Config::uniform(4, 4, 2, 2, 2);
    config.routing = routing;
    config
}

/// Trees from every endpoint to a spread of endpoints.
fn trees(config: &Config) -> Vec<Tree> {
    let endpoints = config.eject_depth.len() as u32;
    let to = |src: u32| (0..endpoints).filter(|d| (d * 7 + src) % 3 == 0).map(PortId).collect::<Vec<_>>();
    (0..endpoints).map(|src| build_tree(config, PortId(src), &to(src))).collect()
}

#[test]
fn routing_functions_with_their_trees_have_no_cycle() {
    for routing in [Routing::Xy, Routing::Yx, Routing::WestFirst] {
        let config = mesh(routing);
        let trees = trees(&config);
        let mut graph = Dependencies::new(&config);
        graph.add_all_pairs(0xff);
        for tree in 0..trees.len() as u32 {
            graph.add(&trees, &Flow { src: PortId(tree), route: Route::Tree(tree), vc_mask: 0xff });
        }
        assert_eq!(graph.find_cycle(), None, "{routing:?}");
    }
}

#[test]
fn mixed_dimension_orders_have_a_cycle_unless_vcs_part_them() {
    let yx_trees = trees(&mesh(Routing::Yx));
    let graph = |tree_vcs: u8, unicast_vcs: u8| {
        let config = mesh(Routing::Xy);
        let mut graph = Dependencies::new(&config);
        graph.add_all_pairs(unicast_vcs);
        for tree in 0..yx_trees.len() as u32 {
            graph.add(&yx_trees, &Flow { src: PortId(tree), route: Route::Tree(tree), vc_mask: tree_vcs });
        }
        graph
    };
    let cycle = graph(0b11, 0b11).find_cycle().expect("XY and YX together close a ring of turns");
    let config = mesh(Routing::Xy);
    let topology = Topology::new(&config);
    assert!(cycle.len() >= 4);
    for (channel, next) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
        assert_eq!(
            topology.neighbour(channel.router, channel.port),
            Some(next.router),
            "the cycle is connected"
        );
        assert!(channel.vc < 2);
    }
    assert_eq!(graph(0b01, 0b10).find_cycle(), None);
}

#[test]
fn a_tree_is_the_union_of_its_paths() {
    let config = mesh(Routing::Xy);
    let topology = Topology::new(&config);
    let (src, left, down) = (topology.endpoint(5, 1), topology.endpoint(4, 0), topology.endpoint(14, 1));
    let tree = build_tree(&config, src, &[left, down, src]);
    let mut masks = vec![0; 16];
    masks[5] = 1 << WEST | 1 << EAST | 1 << 5;
    masks[4] = 1 << 4;
    masks[6] = 1 << SOUTH;
    masks[10] = 1 << SOUTH;
    masks[14] = 1 << 5;
    assert_eq!(tree.masks, masks);
    assert_eq!(tree.validate(&topology), Ok(()));
}

fn refused(config: &Config, trees: &[Tree], why: &str) {
    let plain = Plain::new(config, trees).err().expect("plain refuses").to_string();
    let fast = Fast::new(config, trees).err().expect("fast refuses").to_string();
    assert_eq!(plain, fast);
    assert!(plain.contains(why), "{plain:?} names {why:?}");
}

#[test]
fn bad_trees_are_refused() {
    let config = mesh(Routing::Xy);
    let with = |entries: &[(usize, u16)]| {
        let mut masks = vec![0; 16];
        entries.iter().for_each(|&(router, mask)| masks[router] = mask);
        [Tree { masks }]
    };
    refused(&config, &[Tree { masks: vec![0; 3] }], "3 routers");
    refused(&config, &with(&[(0, 1 << NORTH)]), "does not have");
    refused(&config, &with(&[(0, 1 << EAST)]), "without a local port");
    let ring = [(0, 1 << EAST), (1, 1 << SOUTH), (5, 1 << WEST), (4, 1 << NORTH)];
    refused(&config, &with(&ring), "cycle");
    let twice = [(0, 1 << EAST | 1 << SOUTH), (1, 1 << SOUTH), (4, 1 << EAST), (5, 1 << 4)];
    refused(&config, &with(&twice), "twice");
}

#[test]
fn bad_configurations_are_refused() {
    let good = mesh(Routing::Xy);
    let refuse = |change: fn(&mut Config), why: &str| {
        let mut config = good.clone();
        change(&mut config);
        refused(&config, &[], why);
    };
    refuse(|c| c.width = 0, "empty");
    refuse(|c| c.height = 5, "20 routers");
    refuse(|c| c.vcs = 0, "0 virtual channels");
    refuse(|c| c.vcs = 9, "9 virtual channels");
    refuse(|c| c.vc_depth = 0, "0 flits");
    refuse(|c| c.locals[3] = 9, "router 3");
    refuse(|c| c.locals[3] = 0, "router 3");
    refuse(|c| (c.locals[3], c.vcs) = (5, 5), "not supported");
    refuse(|c| c.eject_depth.truncate(5), "32 local ports");
    refuse(|c| c.eject_depth[7] = 0, "local port 7");
}
