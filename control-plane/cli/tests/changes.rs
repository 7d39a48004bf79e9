//! The way of a change by `musterctl schema …`, as a script sees it: against a control plane that says what the test tells it to.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Command, Output},
    thread::{self, JoinHandle},
};

const ID: &str = "0199c0de-0000-7000-8000-000000000001";

/// What is asked: the line, and the body.
type Heard = (String, String);

/// Answers so many calls, each with a status and a body, and says what it heard.
fn plane(answers: Vec<(u16, String)>) -> (String, JoinHandle<Vec<Heard>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heard = thread::spawn(move || {
        let mut heard = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut length = 0;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                if header.trim().is_empty() {
                    break;
                }
                let header = header.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut said = vec![0; length];
            reader.read_exact(&mut said).unwrap();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            heard.push((first.trim().to_owned(), String::from_utf8(said).unwrap()));
        }
        heard
    });
    (address, heard)
}

fn schema(address: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .arg("schema")
        .args(arguments)
        .env("MUSTER_SERVER", address)
        .env("MUSTER_KEY", "dw_planted")
        .output()
        .unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn servers(risk: &str, sql: &str) -> String {
    format!(
        r#"[{{"label":"pg","database":"shop","risk":"{risk}","findings":[],"notTakenBack":[],
        "statements":[{{"sql":"{sql}","risk":"{risk}","reasons":["the table and its rows are gone"]}}]}}]"#
    )
}

fn ticket(risk: &str, sql: &str) -> String {
    format!(
        r#"{{"id":"{ID}","version":"1.0","environment":"prod","database":"shop","risk":"{risk}","status":"pending",
        "steps":[],"servers":{}}}"#,
        servers(risk, sql)
    )
}

#[test]
fn what_is_published_is_shown_with_its_risk() {
    let answer = format!(
        r#"{{"ticketId":"{ID}","servers":{}}}"#,
        servers("destructive", "drop table t")
    );
    let (address, heard) = plane(vec![(201, answer)]);
    let published = schema(
        &address,
        &[
            "publish",
            "--version",
            "1.0",
            "--database",
            "shop",
            "--environment",
            "prod",
            "--on",
            "pg",
            "--table",
            "t",
        ],
    );
    assert_eq!(published.status.code(), Some(0), "{}", err(&published));
    assert_eq!(
        out(&published),
        format!(
            "-- ticket {ID}\n-- on pg, database shop: destructive\n\
             -- destructive: the table and its rows are gone\ndrop table t;\n"
        )
    );
    let heard = heard.join().unwrap();
    assert_eq!(heard[0].0, "POST /api/v1/schema/publish HTTP/1.1");
    for part in [r#""version":"1.0""#, r#""tables":["t"]"#, r#""servers":["pg"]"#] {
        assert!(heard[0].1.contains(part), "{}", heard[0].1);
    }
}

#[test]
fn a_proposal_that_is_refused_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("change.sql");
    std::fs::write(&file, "drop tabel t;").unwrap();
    let answer = r#"{"title":"wrong","detail":"the input is not valid","errors":[{"field":"sql","message":"line 1: can't be read"}]}"#;
    let (address, heard) = plane(vec![(422, answer.to_owned())]);
    let refused = schema(
        &address,
        &[
            "propose",
            "--version",
            "1.0",
            "--database",
            "shop",
            "--environment",
            "prod",
            "--on",
            "pg",
            "--max-rows",
            "5",
            file.to_str().unwrap(),
        ],
    );
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        err(&refused).contains("sql: line 1: can't be read"),
        "{}",
        err(&refused)
    );
    let heard = heard.join().unwrap();
    assert!(
        heard[0].1.contains("drop tabel t;") && heard[0].1.contains(r#""maxRows":5"#),
        "{}",
        heard[0].1
    );
}

#[test]
fn nobody_approves_what_loses_data_without_saying_so() {
    let seen = ticket("destructive", "drop table t");
    let (address, heard) = plane(vec![(200, seen.clone())]);
    let refused = schema(&address, &["approve", ID]);
    assert_eq!(refused.status.code(), Some(3), "{}", out(&refused));
    assert!(
        err(&refused).contains("drop table t;") && err(&refused).contains("--risk destructive"),
        "{}",
        err(&refused)
    );
    assert_eq!(heard.join().unwrap().len(), 1, "it was only looked at");

    let done = format!(r#"{{"id":"{ID}","status":"approved","releaseId":"{ID}"}}"#);
    let (address, heard) = plane(vec![(200, seen), (200, done)]);
    let approved = schema(
        &address,
        &["approve", "--risk", "destructive", "--comment", "fine", ID],
    );
    assert_eq!(approved.status.code(), Some(0), "{}", err(&approved));
    assert_eq!(out(&approved), format!("approved release {ID}\n"));
    assert!(
        err(&approved).contains("drop table t;"),
        "it is shown all the same"
    );
    let heard = heard.join().unwrap();
    assert_eq!(
        heard[1],
        (
            format!("POST /api/v1/schema/tickets/{ID}/approve HTTP/1.1"),
            r#"{"comment":"fine"}"#.to_owned()
        )
    );
}

#[test]
fn an_execution_is_waited_for_and_its_end_is_the_exit_code() {
    let execution = |status: &str| {
        format!(
            r#"{{"id":"{ID}","status":"{status}","error":null,
            "steps":[{{"sql":"create table t (id int)","status":"success","durationMs":3,"rows":0,"error":null,"detail":null}}]}}"#
        )
    };
    for (status, code) in [("success", 0), ("rolledBack", 1), ("needsAttention", 1)] {
        let begun = format!(r#"{{"executionId":"{ID}"}}"#);
        let (address, heard) = plane(vec![
            (202, begun),
            (200, execution("running")),
            (200, execution(status)),
        ]);
        let ended = schema(&address, &["execute", "--on", "pg", "--wait", ID]);
        assert_eq!(ended.status.code(), Some(code), "{status}: {}", err(&ended));
        assert!(
            out(&ended).starts_with(&format!("{ID} {status}\n-- success, 3 ms, 0 rows\n")),
            "{}",
            out(&ended)
        );
        let heard = heard.join().unwrap();
        for part in [r#""dryRun":false"#, r#""server":"pg""#] {
            assert!(heard[0].1.contains(part), "{}", heard[0].1);
        }
        assert_eq!(heard[2].0, format!("GET /api/v1/schema/executions/{ID} HTTP/1.1"));
    }
}

#[test]
fn what_is_no_id_goes_nowhere() {
    for arguments in [
        &["approve", "../users"][..],
        &["execute", "--on", "pg", "x?y"],
        &["cancel", ""],
        &["releases", "a/b"],
    ] {
        // Port 9 of this machine: nobody listens there.
        let refused = schema("http://127.0.0.1:9", arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(err(&refused).contains("is no id"), "{}", err(&refused));
    }
}
