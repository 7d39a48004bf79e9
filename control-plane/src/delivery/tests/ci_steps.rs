//! The ready steps for CI, `packaging/github-action` and `packaging/gitlab`: their script, run against a server that answers
//! as the webhook does.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

use aws_lc_rs::hmac;

use super::a_deployment;
use crate::delivery::{
    deployment::Status,
    webhook::{WebhookAnswer, WebhookCall},
};

const GITHUB: &str = include_str!("../../../../packaging/github-action/deploy.sh");
const ACTION: &str = include_str!("../../../../packaging/github-action/action.yml");
const GITLAB: &str = include_str!("../../../../packaging/gitlab/muster-deploy.yml");
const BLOCK: &str = "    - |\n";

/// The GitLab job's script as its shell gets it.
fn gitlab() -> String {
    let (_, script) = GITLAB.split_once(BLOCK).unwrap();
    let lines = script
        .lines()
        .map(|line| line.strip_prefix("      ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

fn answer(status: Status) -> String {
    let mut deployment = a_deployment();
    deployment.status = status;
    deployment.error = Some(r#"it said "status":"success""#.to_owned());
    serde_json::to_string(&WebhookAnswer::of(&deployment)).unwrap()
}

/// Runs a script while the webhook gives these answers; its exit and the calls that came.
fn run(script: &str, answers: &[(u16, String)], more: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    let served = thread::spawn(move || {
        let mut calls = Vec::new();
        for (code, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim_end();
                if line.is_empty() {
                    break;
                }
                if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = bytes.parse().unwrap();
                }
                head = format!("{head}{line}\n");
            }
            let mut sent = vec![0; length];
            reader.read_exact(&mut sent).unwrap();
            let answer = format!(
                "HTTP/1.1 {code} said\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
            calls.push(format!("{head}\n{}", String::from_utf8(sent).unwrap()));
        }
        calls
    });
    let mut child = Command::new("sh")
        .args(["-e", "-s"])
        .env("MUSTER_URL", &url)
        .env("MUSTER_APPLICATION", "app-1")
        .env("MUSTER_VERSION", "1.4.2")
        .env("MUSTER_TOKEN", "whk_1")
        .env("MUSTER_KEY", "run-7")
        .env("MUSTER_PAUSE_S", "0")
        .envs(more.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let code = child.wait().unwrap().code();
    (code, served.join().unwrap())
}

#[test]
fn a_step_of_ci_succeeds_only_if_the_deployment_did() {
    for script in [GITHUB, &gitlab()] {
        let ended = |status| run(script, &[(200, answer(status))], &[]).0;
        assert_eq!(ended(Status::Success), Some(0));
        for status in [Status::RolledBack, Status::Failure, Status::Cancelled] {
            assert_eq!(ended(status), Some(1), "{status:?}");
        }
        let problem = r#"{"type":"unauthenticated","title":"no","status":401}"#.to_owned();
        assert_eq!(run(script, &[(401, problem)], &[]).0, Some(1));

        // What has not ended, or can't answer now, is asked again, as the same call.
        let (code, calls) = run(
            script,
            &[
                (202, answer(Status::WaitingApproval)),
                (503, "away".to_owned()),
                (202, answer(Status::Running)),
                (200, answer(Status::Success)),
            ],
            &[],
        );
        assert_eq!(code, Some(0));
        for call in calls {
            let (head, body) = call.split_once("\n\n").unwrap();
            assert!(head.starts_with("POST /webhook/deploy?wait=1 HTTP"), "{head}");
            assert!(head.contains("idempotency-key: run-7"), "{head}");
            let call: WebhookCall = serde_json::from_str(body).unwrap();
            assert_eq!(
                (call.application_id.as_str(), call.version.as_str()),
                ("app-1", "1.4.2")
            );
        }
        let late = [("MUSTER_MINUTES", "0")];
        assert_eq!(
            run(script, &[(202, answer(Status::Running))], &late).0,
            Some(1),
            "it is not waited for without end"
        );
        assert_eq!(run(script, &[], &[("MUSTER_VERSION", "1\"")]).0, Some(2));
    }
}

#[test]
fn a_step_signs_what_it_sends_if_it_has_the_secret() {
    let secret = "whs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    for script in [GITHUB, &gitlab()] {
        let signing = [("MUSTER_SIGNING_SECRET", secret)];
        let (code, calls) = run(script, &[(200, answer(Status::Success))], &signing);
        assert_eq!(code, Some(0));
        let (head, body) = calls[0].split_once("\n\n").unwrap();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let found = lines.into_iter().find(|(said, _)| *said == name);
            found.map(|(_, value)| value.to_owned())
        };
        let time = header("x-muster-timestamp").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let expected = hex::encode(hmac::sign(&key, format!("{time}.{body}").as_bytes()));
        assert_eq!(
            header("x-muster-signature-256"),
            Some(format!("sha256={expected}")),
            "{body}"
        );
        let (_, calls) = run(script, &[(200, answer(Status::Success))], &[]);
        assert!(!calls[0].contains("x-muster"), "{}", calls[0]);
    }
}

#[test]
fn both_steps_have_one_script_and_name_all_that_it_takes() {
    let (_, rest) = GITHUB.split_once('\n').unwrap();
    let inner: Vec<&str> = rest.trim_end().lines().collect();
    let of_gitlab = gitlab();
    let lines: Vec<&str> = of_gitlab.lines().collect();
    let lines = lines.strip_prefix(&["("][..]).unwrap();
    let lines = lines.strip_suffix(&[")"][..]).unwrap();
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix("  ").unwrap_or(line))
        .collect();
    assert_eq!(lines, inner);
    for name in [
        "URL",
        "APPLICATION",
        "VERSION",
        "TOKEN",
        "SIGNING_SECRET",
        "KEY",
        "MINUTES",
    ] {
        assert!(ACTION.contains(&format!("        MUSTER_{name}: ")), "{name}");
        assert!(GITLAB.contains(&format!("MUSTER_{name}")), "{name}");
    }
}
