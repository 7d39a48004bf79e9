//! Presents a recorded order to the worker of the host that it was for: again; again to a worker that has lost
//! its journal; with a forged signature; and with a changed payload. Prints the worker's last word on each as one
//! JSON object, and whether it began to work, which its journal would show.

use anyhow::{Context, Result};
use clap::Parser;
use muster_agent::worker::wire::{Answer, Request};
use muster_protocol::latest::{OrderReply, SignedOrder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Parser)]
struct Args {
    /// What `muster-tap` wrote.
    #[arg(long)]
    recorded: PathBuf,
    /// The real `muster-worker`.
    #[arg(long)]
    worker: PathBuf,
    /// The agent's data directory.
    #[arg(long)]
    data: PathBuf,
    /// The agent's policy file.
    #[arg(long)]
    policy: PathBuf,
    /// The agent's container engine.
    #[arg(long)]
    docker_host: String,
}

#[expect(clippy::print_stdout, reason = "the verdict is this program's output")]
fn main() -> Result<()> {
    let args = Args::parse();
    let frame = fs::read(&args.recorded).context("the recorded order can't be read")?;
    let original = || match muster_tap::request(&frame)? {
        Request::Order { order, keys } => Ok((order, keys)),
        Request::Cancel
        | Request::Containers
        | Request::ContainersSince(_)
        | Request::Log { .. }
        | Request::Schema { .. }
        | Request::Count { .. }
        | Request::Prove { .. }
        | Request::Bytes(_) => {
            anyhow::bail!("this is no order")
        }
    };
    let changed = |change: fn(&mut SignedOrder)| -> Result<Request> {
        let (mut order, keys) = original()?;
        change(&mut order);
        Ok(Request::Order { order, keys })
    };
    let copy = tempfile::tempdir()?;
    let no_journal = forgetful(&args.data, &copy.path().join("a"), &["journal"])?;
    // Nothing but the signature and the digests is left to refuse these.
    let no_memory = forgetful(
        &args.data,
        &copy.path().join("b"),
        &["journal", "sequence", "sequences"],
    )?;
    let verdicts = json!({
        "again": args.present(&args.data, &changed(|_| ())?)?,
        "againWithoutJournal": args.present(&no_journal, &changed(|_| ())?)?,
        "forgedSignature": args.present(&no_memory, &changed(|order| flip(&mut order.signature))?)?,
        "noSignature": args.present(&no_memory, &changed(|order| order.signature.clear())?)?,
        "changedPayload": args.present(&no_memory, &changed(|order| flip(&mut order.payload))?)?,
    });
    println!("{verdicts}");
    Ok(())
}

impl Args {
    /// The worker's last word, and whether it began.
    fn present(&self, data: &Path, request: &Request) -> Result<Value> {
        let journal_before = journal(data)?;
        let mut child = Command::new(&self.worker)
            .args([
                "--data".as_ref(),
                data.as_os_str(),
                "--policy".as_ref(),
                self.policy.as_os_str(),
            ])
            .args(["--docker-host", &self.docker_host])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the worker can't be started")?;
        muster_tap::write_request(&mut child.stdin.take().context("no pipe")?, request)?;
        let mut output = child.stdout.take().context("no pipe")?;
        let mut word = String::from("nothing");
        while let Some(frame) = muster_tap::read_frame(&mut output)? {
            word = match muster_tap::answer(&frame)? {
                // An order that had ended is told of from the journal, with its events.
                Answer::Reply(OrderReply::Accepted | OrderReply::Event(_)) => continue,
                Answer::Reply(OrderReply::Refused(refusal)) => format!("refused: {refusal:?}"),
                Answer::Reply(OrderReply::Outcome(outcome)) => format!("outcome: {:?}", outcome.status),
                Answer::Failed(why) => format!("failed: {why}"),
                Answer::Containers { .. } => "containers".to_owned(),
                Answer::Log(_) | Answer::LogEnd(_) => "a log".to_owned(),
                Answer::Schema(_) | Answer::SchemaEnd(_) => "a catalogue".to_owned(),
                Answer::WantBytes { .. } => "bytes".to_owned(),
                Answer::Counted(_) => "a number of rows".to_owned(),
                Answer::Proof(_) => "a proof".to_owned(),
            };
        }
        child.wait()?;
        let began = journal(data)? != journal_before;
        Ok(json!({"began": began, "word": word}))
    }
}

/// All that the worker's journal holds.
fn journal(data: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if let Ok(entries) = fs::read_dir(data.join("worker/journal")) {
        for entry in entries {
            let path = entry?.path();
            files.insert(path.clone(), fs::read(path)?);
        }
    }
    Ok(files)
}

/// A copy of the worker's half of a data directory, without some of what it remembers.
fn forgetful(data: &Path, copy: &Path, without: &[&str]) -> Result<PathBuf> {
    copy_dir(&data.join("worker"), &copy.join("worker"), without)
        .context("the worker's directory can't be copied")?;
    Ok(copy.to_owned())
}

fn copy_dir(from: &Path, to: &Path, without: &[&str]) -> Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let stem = Path::new(&name)
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if without.contains(&stem.as_str()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &to.join(&name), without)?;
        } else {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

fn flip(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}
