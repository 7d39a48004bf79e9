//! The version itself is broken, or its container is described wrongly.

use super::{PUT_BACK, Ways};
use anyhow::{Context as _, Result};
use muster_workbench::images::{CRASHING, NEXT, PORT, SICK};
use serde_json::{Value, json};

struct Case {
    way: &'static str,
    version: &'static str,
    change: fn(&mut Value),
    says: &'static [&'static str],
}

fn nothing(_: &mut Value) {}

const CASES: &[Case] = &[
    Case {
        way: "it crashes at its start",
        version: CRASHING,
        change: nothing,
        says: &["exit", "code 1", "put back and runs"],
    },
    Case {
        way: "it never gets healthy",
        version: SICK,
        change: |spec| spec["healthTimeoutMs"] = json!(1_500),
        says: &["not healthy within 1500 ms", "404"],
    },
    Case {
        way: "nothing listens in it",
        version: NEXT,
        change: |spec| {
            spec["command"] = shell("sleep 60");
            spec["healthTimeoutMs"] = json!(1_000);
        },
        says: &["port 8080"],
    },
    Case {
        way: "it is healthy and dies before its time is over",
        version: NEXT,
        change: |spec| {
            spec["command"] = shell(&format!("/bin/busybox httpd -p {PORT} -h /www; sleep 1; exit 3"));
            spec["healthCheck"] = json!({"type": "running"});
        },
        says: &["exit", "code 3"],
    },
    Case {
        way: "it runs out of memory",
        version: NEXT,
        change: |spec| {
            spec["command"] = shell("x=xxxxxxxx; while :; do x=$x$x; done");
            spec["limits"] = json!({"memoryBytes": 8 << 20});
        },
        says: &["put back and runs"],
    },
    Case {
        way: "its command is not in the image",
        version: NEXT,
        change: |spec| spec["command"] = json!(["/bin/nothing"]),
        says: &["/bin/nothing", "put back and runs"],
    },
    Case {
        way: "its own check finds it sick",
        version: NEXT,
        change: |spec| {
            spec["healthCheck"] = json!({"type": "command", "command": ["/bin/busybox", "false"],
                "intervalMs": 100, "timeoutMs": 1_000});
            spec["healthTimeoutMs"] = json!(1_000);
        },
        says: &["health check"],
    },
];

pub fn all(ways: &mut Ways) -> Result<()> {
    for case in CASES {
        ways.describe(case.change).context(case.way)?;
        ways.deploy(case.way, case.version, PUT_BACK, case.says)?;
    }
    ways.describe(nothing)
}

/// Runs in the test image's shell.
pub fn shell(script: &str) -> Value {
    json!(["/bin/busybox", "sh", "-c", script])
}
