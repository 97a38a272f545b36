//! HyperQueue, by its program `hq`: one task array.

use super::program::{ranges, reach, words};
use super::{Array, Backend, Launch};
use pulvinar_ir::Result;
use std::collections::BTreeMap;

/// Workers that a task may bring down before the engine gives it up.
const CRASH_LIMIT: &str = "5";

/// HyperQueue.
pub struct Hq;

impl Backend for Hq {
    fn name(&self) -> &'static str {
        "hq"
    }

    fn doc(&self) -> &'static str {
        "one task array of HyperQueue, over Slurm, PBS or hosts with workers"
    }

    fn version(&self) -> Result<String> {
        let said = reach(&words(&["hq", "--version"]), self.remedy())?;
        // The program refuses a server of another version in its own words.
        reach(&words(&["hq", "server", "info"]), self.remedy())?;
        Ok(said.split_whitespace().last().unwrap_or("unknown").trim_start_matches('v').to_owned())
    }

    fn launches(&self, array: &Array) -> Result<Vec<Launch>> {
        let mut command = words(&["hq", "--output-mode", "quiet", "submit"]);
        let folder = array.folder.display().to_string();
        let errors = format!("{}/hq-%{{JOB_ID}}-%{{TASK_ID}}.txt:rm-if-finished", array.log.display());
        for (name, value) in [
            ("--name", array.name.as_str()),
            ("--array", &ranges(&array.ids)),
            ("--cpus", &array.cpus.to_string()),
            ("--crash-limit", CRASH_LIMIT),
            ("--cwd", &folder),
            ("--stdout", "none"),
            ("--stderr", &errors),
            ("--directives", "off"),
        ] {
            command.extend([name.to_owned(), value.to_owned()]);
        }
        command.extend(array.extra.iter().cloned());
        command.push("--".to_owned());
        command.extend(array.command.iter().cloned());
        Ok(vec![Launch { command, variables: BTreeMap::new(), script: None, ids: array.ids.clone() }])
    }

    fn remedy(&self) -> &'static str {
        "start `hq server start` and workers and put `hq` on PATH, or with the wheel alone use \
         `python -m pulvinar_cluster submit` (docs/cluster.md)"
    }

    fn watch(&self, jobs: &[String]) -> Option<Vec<String>> {
        (!jobs.is_empty()).then(|| words(&["hq", "job", "info", &jobs.join(",")]))
    }

    fn cancel(&self, jobs: &[String]) -> Option<Vec<String>> {
        (!jobs.is_empty()).then(|| words(&["hq", "job", "cancel", &jobs.join(",")]))
    }
}
