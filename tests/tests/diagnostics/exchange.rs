//! Bad files of other formats, and networks they do not hold: E051x.

use crate::Case;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::Diagnostic;
use pulvinar_models::import::import_bytes;
use pulvinar_models::nir::{self, Answer, Options, ResetRule};
use pulvinar_models::{lava, pt2, zoo};
use pulvinar_tests::root;

/// Cases of files of other tools.
pub const NIR: &[Case] = &[
    ("E0510", "a NIR file that is cut", || refused("E0510-truncated")),
    ("E0510", "a NIR file that is a text", || refused("E0510-text")),
    ("E0511", "a layer without its weights", || refused("E0511-no-weight")),
    ("E0511", "weights of no number", || refused("E0511-nan")),
    ("E0511", "a time constant below 0", || refused("E0511-negative-tau")),
    ("E0512", "a type of node that NIR does not have", || refused("E0512-unknown")),
    ("E0513", "an edge from a node that is not there", || refused("E0513-missing-node")),
    ("E0513", "two nodes that nothing leads to", || refused("E0513-loose")),
    ("E0514", "weights of another size than their input", || refused("E0514-shapes")),
    ("E0514", "an input of absurd size", || refused("E0514-huge")),
    ("E0515", "neurons of different time constants", || refused("E0515-tau")),
    ("E0516", "a time constant below the time step", || refused("E0516-tau")),
    ("E0516", "a NIR file and no timesteps", || {
        nir::import_bytes("net", &[], &Options::default()).model.expect_err("no timesteps")
    }),
    ("E0517", "attention as NIR", || {
        let model = zoo::find("ma-snn-tcsa").and_then(|e| (e.load)()).expect("it is embedded");
        nir::export(&model.graph, None).expect_err("NIR has no attention")
    }),
    ("E0510", "an archive of torch.export that is cut", || traced("E0510-truncated.pt2")),
    ("E0511", "an archive with a weight of no number", || traced("E0511-nan.pt2")),
    ("E0519", "one step of a layer of neurons", || traced("E0519-sj-frozen.pt2")),
    ("E0515", "graded spikes of lava-dl", || {
        let bytes =
            std::fs::read(root().join("models/tests/lava/bad-E0515-graded.net")).expect("it is committed");
        let options = Options { timesteps: Some(4), ..Options::default() };
        import_bytes(&lava::FORMAT, "net", &bytes, &options).model.expect_err("graded")
    }),
];

/// A file of the tests of traced networks.
fn traced(name: &str) -> Diagnostic {
    let path = root().join(format!("models/tests/traced/bad-{name}"));
    let bytes = std::fs::read(path).expect("the file is committed");
    import_bytes(&pt2::FORMAT, name, &bytes, &Options::default()).model.expect_err("the file is broken")
}

fn refused(name: &str) -> Diagnostic {
    let path = root().join(format!("models/tests/nir/bad-{name}.nir"));
    let bytes = std::fs::read(path).expect("the file is committed");
    let options = Options {
        timesteps: Some(4),
        dt: Some(1e-3),
        reset: Some(ResetRule::Value),
        input: Some(InputKind::Counts),
        answer: Some(Answer::Sum),
    };
    nir::import_bytes(name, &bytes, &options).model.expect_err("the file is broken")
}
