//! Slurm: arrays of jobs that it may start again on another node.

use super::program::{line, quoted, ranges, reach, words};
use super::{Array, Backend, Launch, TASK_ID};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// Slurm.
pub struct Slurm;

/// A setting of `scontrol show config`.
fn setting<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = config.lines().filter_map(|l| l.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

impl Slurm {
    fn config(&self) -> Result<String> {
        reach(&words(&["scontrol", "show", "config"]), self.remedy())
    }

    /// Numbers of tasks of an array must be below this.
    fn most(&self) -> Result<u32> {
        let config = self.config()?;
        let most = setting(&config, "MaxArraySize").and_then(|v| v.parse().ok());
        most.filter(|&n: &u32| n > 0).ok_or_else(|| {
            Diagnostic::new(
                "E0941",
                "scontrol show config",
                "this Slurm has no job arrays: MaxArraySize is not above 0",
                "ask the site for arrays, or use another back end",
            )
        })
    }
}

/// The batch script of the tasks from `first` on.
fn script(array: &Array, first: u32, ids: &[u32]) -> String {
    let own: Vec<u32> = ids.iter().map(|id| id - first).collect();
    let log = array.log.join("slurm-%A_%a.txt").display().to_string();
    let options = [
        format!("--job-name={}", array.name),
        format!("--array={}", ranges(&own)),
        "--ntasks=1".to_owned(),
        format!("--cpus-per-task={}", array.cpus),
        "--requeue".to_owned(),
        "--open-mode=append".to_owned(),
        "--export=ALL".to_owned(),
        format!("--chdir={}", array.folder.display()),
        format!("--output={log}"),
    ];
    let mut text = "#!/bin/sh\n".to_owned();
    options.iter().for_each(|o| text.push_str(&format!("#SBATCH {}\n", quoted(o))));
    text.push_str(&format!("export {TASK_ID}=$((SLURM_ARRAY_TASK_ID + {first}))\n"));
    text.push_str(&format!("exec {}\n", line(&array.command)));
    text
}

/// An array in scripts whose numbers stay below `most`.
fn split(array: &Array, most: u32) -> Vec<Launch> {
    let mut chunks: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    array.ids.iter().for_each(|&id| chunks.entry(id / most).or_default().push(id));
    let launch = |(chunk, ids): (u32, Vec<u32>)| {
        let first = chunk * most;
        let path = array.log.join(format!("{}-{first}.sh", array.name));
        let mut command = words(&["sbatch", "--parsable"]);
        command.extend(array.extra.iter().cloned());
        command.push(path.display().to_string());
        let script = Some((path, script(array, first, &ids)));
        Launch { command, variables: BTreeMap::new(), script, ids }
    };
    chunks.into_iter().map(launch).collect()
}

impl Backend for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn doc(&self) -> &'static str {
        "arrays of Slurm jobs that are started again when a node is lost"
    }

    fn version(&self) -> Result<String> {
        Ok(setting(&self.config()?, "SLURM_VERSION").unwrap_or("unknown").to_owned())
    }

    fn launches(&self, array: &Array) -> Result<Vec<Launch>> {
        Ok(split(array, self.most()?))
    }

    fn remedy(&self) -> &'static str {
        "run this where `sbatch` and `scontrol` work, as on a login node of the cluster, or use another back end"
    }

    fn watch(&self, jobs: &[String]) -> Option<Vec<String>> {
        (!jobs.is_empty()).then(|| words(&["squeue", "--jobs", &jobs.join(",")]))
    }

    fn cancel(&self, jobs: &[String]) -> Option<Vec<String>> {
        let mut command = words(&["scancel"]);
        command.extend(jobs.iter().cloned());
        (!jobs.is_empty()).then_some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(ids: &[u32]) -> Array {
        Array {
            name: "pulvinar-t".to_owned(),
            command: words(&["/bin/echo", "a b"]),
            ids: ids.to_vec(),
            cpus: 3,
            folder: "/work dir".into(),
            log: "/s/submit".into(),
            extra: words(&["--partition=short"]),
        }
    }

    #[test]
    fn arrays_are_split_and_numbered_again_from_zero() {
        let launches = split(&array(&[0, 2, 3, 4, 9, 1000, 1001, 2003]), 1001);
        let ids: Vec<_> = launches.iter().map(|l| l.ids.clone()).collect();
        assert_eq!(ids, [vec![0, 2, 3, 4, 9, 1000], vec![1001], vec![2003]]);
        let arrays: Vec<String> = launches
            .iter()
            .map(|l| l.script.as_ref().unwrap().1.lines().find(|l| l.contains("--array")).unwrap().to_owned())
            .collect();
        assert_eq!(arrays, ["#SBATCH --array=0,2-4,9,1000", "#SBATCH --array=0", "#SBATCH --array=1"]);
        assert_eq!(
            launches[2].command.join(" "),
            "sbatch --parsable --partition=short /s/submit/pulvinar-t-2002.sh"
        );
        let script = &launches[2].script.as_ref().unwrap().1;
        assert!(script.contains("#SBATCH '--chdir=/work dir'\n"), "{script}");
        assert!(script
            .contains("export PULVINAR_TASK_ID=$((SLURM_ARRAY_TASK_ID + 2002))\nexec /bin/echo 'a b'\n"));
    }

    #[test]
    fn settings_are_read_from_the_words_of_scontrol() {
        let config =
            "Configuration data\nMaxArraySize            = 1001\nSLURM_VERSION           = 22.05.8\n";
        assert_eq!(setting(config, "MaxArraySize"), Some("1001"));
        assert_eq!(setting(config, "SLURM_VERSION"), Some("22.05.8"));
        assert_eq!(setting(config, "Array"), None);
    }
}
