//! Stands in for `muster-worker`, writes the order down that it is handed, and starts the real one.

use anyhow::{Context, Result};
use muster_agent::worker::wire::Request;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

fn main() -> Result<ExitCode> {
    let worker = std::env::var_os(muster_tap::WORKER_VARIABLE).context("MUSTER_TAP_WORKER is not set")?;
    let dir = PathBuf::from(std::env::var_os(muster_tap::DIR_VARIABLE).context("MUSTER_TAP_DIR is not set")?);
    let mut child = Command::new(worker)
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::piped())
        .spawn()?;
    let mut to_worker = child.stdin.take().context("no pipe to the worker")?;
    // Not joined: when the worker has ended there is nothing to hand over any more.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(frame)) = muster_tap::read_frame(&mut input) {
            if to_worker
                .write_all(&frame)
                .and_then(|()| to_worker.flush())
                .is_err()
            {
                break;
            }
            if matches!(muster_tap::request(&frame), Ok(Request::Order { .. })) {
                std::fs::write(dir.join(format!("{}.order", std::process::id())), &frame).ok();
            }
        }
    });
    let status = child.wait()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
