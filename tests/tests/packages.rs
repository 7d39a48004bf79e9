//! The life of the packages on machines with systemd, as operators live it: installed, set up, joined by the line that
//! the console shows, at work, killed, stuck, upgraded, downgraded, removed, purged.
//!
//! One story on two machines, told in chapters: each begins where the one before ended.

use anyhow::{Context, Result, ensure};
use muster_tests::api::text;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::job::{hosts, people, readings};
use muster_tests::packages::{await_restarts, install, is_active, package, property, upgrade};
use muster_tests::wait::{self, Found};
use muster_tests::{Api, env};
use muster_workbench::machine::Machine;
use muster_workbench::proxy::{Endpoint, Proxy};
use muster_workbench::{Env, random_hex};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);
/// The watchdog's time, the restart, and what a busy machine needs on top.
const WATCHDOG_PATIENCE: Duration = Duration::from_mins(2);
const PLANE: &str = "muster.service";
const AGENT: &str = "muster-agent.service";
const POLICY: &str = "/etc/muster/agent-policy.toml";

#[test]
fn packages_live_as_operators_expect() -> Result<()> {
    let story = Story::begin()?;
    let told = story.tell();
    told.with_context(|| {
        format!(
            "== the control plane's machine:\n{}\n== the host:\n{}",
            story.plane.last_words(),
            story.host.last_words()
        )
    })
}

struct Story {
    plane: Machine,
    host: Machine,
    password: String,
}

impl Story {
    fn begin() -> Result<Self> {
        let docker = env::docker_host()?;
        Ok(Self {
            plane: Machine::start(&docker, "plane")?,
            host: Machine::start(&docker, "web1")?,
            password: random_hex(12)?,
        })
    }

    fn tell(&self) -> Result<()> {
        let admin = self.control_plane_is_installed_and_set_up()?;
        let host = self.host_joins_by_the_line_of_the_api(&admin)?;
        self.halves_belong_to_whom_they_should()?;
        self.orders_go_to_workers_within_the_policy(&admin, &host)?;
        self.killed_processes_come_back(&admin)?;
        self.stuck_processes_are_restarted(&admin)?;
        self.upgrades_keep_what_is_theirs(&admin, &host)?;
        self.master_key_may_be_a_credential(&admin)?;
        self.removed_package_leaves_its_data(&admin, &host)?;
        self.removed_host_gives_up(&admin, &host)?;
        self.purged_packages_leave_nothing()
    }

    /// The fresh package serves the installer, and only the journal knows the token for it.
    fn control_plane_is_installed_and_set_up(&self) -> Result<Api> {
        install(&self.plane, &package("present", "muster")?)?;
        ensure!(is_active(&self.plane, PLANE), "it was started");
        let status = property(&self.plane, PLANE, "StatusText")?;
        ensure!(status.starts_with("not installed"), "{status}");
        let address = self.plane.address();
        // A notifying service: restart returns when it is ready.
        self.plane.run(&format!(
            "cat >> /etc/default/muster <<END\n\
             MUSTER_HTTP__LISTEN=0.0.0.0:8440\nMUSTER_HTTP__PUBLIC_URL=http://{address}:8440\n\
             MUSTER_LINK__ADVERTISE={address}:8441\nMUSTER_LINK__SAMPLE_INTERVAL_S=1\nEND\n\
             systemctl restart {PLANE}"
        ))?;
        let api = Api::new(&format!("http://{address}:8440"));
        ensure!(
            api.get("/api/v1/setup")?["installed"] == false,
            "it can be installed"
        );
        let account = json!({"token": self.setup_token()?, "account": "admin", "password": random_hex(12)?});
        api.post("/api/v1/setup", &account)?;
        wait::until("the control plane to serve", PATIENCE, || {
            let status = property(&self.plane, PLANE, "StatusText")?;
            Ok(if status.starts_with("serving") {
                Found::Yes(())
            } else {
                Found::No(status)
            })
        })?;
        ensure!(api.call("GET", "/readyz", None)?.status == 200, "it said so");
        self.root_gives_a_new_password()?;
        api.login("admin", &self.password)
    }

    fn setup_token(&self) -> Result<String> {
        wait::until("the setup token to be in the journal", PATIENCE, || {
            let journal = self
                .plane
                .run(&format!("journalctl --no-pager --output cat --unit {PLANE}"))?;
            // Each start prints another.
            let token = journal.lines().rfind(|line| line.contains("setup token  "));
            let token = token.and_then(|line| line.split_whitespace().last());
            Ok(Found::from_option(token.map(str::to_owned), &journal))
        })
    }

    /// What root writes with `muster setup` is the service's; the password stays out of every process list.
    fn root_gives_a_new_password(&self) -> Result<()> {
        self.plane.run(&format!(
            "echo {} | muster setup password --password-file -
             systemctl restart {PLANE}",
            self.password
        ))?;
        let owner = self
            .plane
            .run("stat -c '%U %a' /var/lib/muster/master.key /var/lib/muster/muster.toml")?;
        ensure!(owner == "muster 600\nmuster 600\n", "{owner}");
        Ok(())
    }

    fn host_joins_by_the_line_of_the_api(&self, admin: &Api) -> Result<Value> {
        let grant = admin.post("/api/v1/join-tokens", &json!({"uses": 1, "expiresInS": 600}))?;
        let said = self.host.run(text(&grant, "command")?)?;
        ensure!(said.contains(POLICY) && said.contains("no image"), "{said}");
        let host = hosts::await_online(admin, 1, PATIENCE)?.swap_remove(0);
        ensure!(is_active(&self.host, AGENT), "it runs");
        readings::await_stored(admin, &host, PATIENCE, |stored| stored.samples >= 3)?;
        let status = property(&self.host, AGENT, "StatusText")?;
        ensure!(status.starts_with("connected to"), "{status}");
        // What the sandbox must not hide from the agent: the machine's processors, memory and disks.
        let seen = admin.get(&format!("/api/v1/hosts/{}", text(&host, "id")?))?;
        for reading in ["cpu.total", "memory.used", "load.1", "disk./.used"] {
            ensure!(
                seen["latest"]["values"][reading].is_number(),
                "no {reading}: {seen}"
            );
        }
        ensure!(seen["facts"]["hostname"] == "web1", "{seen}");
        let used = self
            .host
            .run("grep -rl mjt_ /var/lib/muster-agent /etc /run /var/log 2>/dev/null || true")?;
        ensure!(used.is_empty(), "the join token was left in {used}");
        Ok(host)
    }

    fn halves_belong_to_whom_they_should(&self) -> Result<()> {
        let owners = self.host.run(
            "cd /var/lib/muster-agent && stat -c '%n %U %a' . resident worker resident/identity.json worker/seal.key",
        )?;
        ensure!(
            owners
                == ". root 755\nresident muster-agent 700\nworker root 700\n\
                    resident/identity.json muster-agent 600\nworker/seal.key root 600\n",
            "{owners}"
        );
        let process = "/proc/$(systemctl show --value --property MainPID muster-agent)";
        let user = self
            .host
            .run(&format!("stat -c %U {process}; grep CapEff {process}/status"))?;
        ensure!(user == "muster-agent\nCapEff:\t0000000000000000\n", "{user}");
        Ok(())
    }

    /// A worker that systemd starts refuses what the policy does not list, and executes what it does.
    fn orders_go_to_workers_within_the_policy(&self, admin: &Api, host: &Value) -> Result<()> {
        let services = Env::from_process();
        let gateway = self.host.gateway()?;
        let database = Endpoint::port(Server::port(&services, Kind::Postgres)?);
        let relay = Proxy::tcp_at(gateway.parse()?, database)?;
        let port = relay.port()?;
        let server = Server::register_at(admin, &services, host, Kind::Postgres, (&gateway, port))?;
        let author = people::add(admin, "ada", "MEMBER")?;
        let approver = people::add(admin, "ben", "ADMIN")?;
        let sql = "create table orders (id bigint primary key);";

        let refused = server.release(&author, &approver, "1.0", sql)?;
        ensure!(
            refused["status"] != "success",
            "the policy as shipped allows nothing: {refused}"
        );
        ensure!(
            refused.to_string().contains("databases"),
            "the refusal names the rule: {refused}"
        );
        self.host.run(&format!(
            "printf '\\n[[databases]]\\nhost = \"{gateway}\"\\nname = \"shop*\"\\n' >> {POLICY}"
        ))?;
        let done = server.release(&author, &approver, "1.1", sql)?;
        ensure!(done["status"] == "success", "{done}");
        ensure!(
            server.query("select count(*) from orders")? == "0",
            "the table is there"
        );
        let workers = self
            .host
            .run("systemctl show --value --property NAccepted muster-worker.socket")?;
        ensure!(
            workers.trim().parse::<u32>()? >= 2,
            "the workers came by the socket: {workers}"
        );
        Ok(())
    }

    fn killed_processes_come_back(&self, admin: &Api) -> Result<()> {
        for (machine, unit) in [(&self.host, AGENT), (&self.plane, PLANE)] {
            machine.run(&format!("systemctl kill --signal KILL {unit}"))?;
            await_restarts(machine, unit, 1, PATIENCE)?;
        }
        await_online_again(admin)
    }

    fn stuck_processes_are_restarted(&self, admin: &Api) -> Result<()> {
        // Both at a time: this waits for the watchdogs to run out.
        let stuck = [(&self.host, AGENT), (&self.plane, PLANE)];
        for (machine, unit) in stuck {
            machine.run(&format!("systemctl kill --kill-who main --signal STOP {unit}"))?;
        }
        for (machine, unit) in stuck {
            await_restarts(machine, unit, 2, WATCHDOG_PATIENCE)?;
            let journal = machine.run(&format!("journalctl --no-pager --unit {unit}"))?;
            ensure!(journal.to_lowercase().contains("watchdog timeout"), "{journal}");
        }
        await_online_again(admin)
    }

    fn upgrades_keep_what_is_theirs(&self, admin: &Api, host: &Value) -> Result<()> {
        let edited = self.host.run(&format!("cat {POLICY}"))?;
        // The control plane first: the older agent is still served.
        upgrade(&self.plane, "next", "muster", PLANE)?;
        await_online_again(admin)?;
        // And then there and back.
        upgrade(&self.host, "next", "muster-agent", AGENT)?;
        await_online_again(admin)?;
        upgrade(&self.host, "present", "muster-agent", AGENT)?;
        await_online_again(admin)?;
        // The control plane, too, as long as the tables are the ones that it knows.
        upgrade(&self.plane, "present", "muster", PLANE)?;
        await_online_again(admin)?;
        ensure!(
            self.host.run(&format!("cat {POLICY}"))? == edited,
            "the policy was kept"
        );
        let settings = self.plane.run("cat /etc/default/muster")?;
        ensure!(
            settings.contains("MUSTER_HTTP__PUBLIC_URL="),
            "the settings were kept: {settings}"
        );
        let known = admin.list("/api/v1/hosts")?;
        ensure!(
            known.len() == 1 && known[0]["id"] == host["id"],
            "the same host: {known:?}"
        );
        Ok(())
    }

    fn master_key_may_be_a_credential(&self, admin: &Api) -> Result<()> {
        self.plane.run(&format!(
            "mkdir -p -m 700 /etc/credstore
             mv /var/lib/muster/master.key /etc/credstore/muster-master-key
             chown root:root /etc/credstore/muster-master-key
             systemctl restart {PLANE}"
        ))?;
        await_online_again(admin)
    }

    fn removed_package_leaves_its_data(&self, admin: &Api, host: &Value) -> Result<()> {
        self.host.run("dpkg --remove muster-agent")?;
        ensure!(
            !self.host.succeeds("test -e /usr/bin/muster-agent"),
            "the program is gone"
        );
        ensure!(!self.host.succeeds("pgrep muster-"), "nothing of it runs");
        self.host.run(
            "test -e /var/lib/muster-agent/resident/identity.json -a -e /etc/muster/agent-policy.toml",
        )?;
        install(&self.host, &package("present", "muster-agent")?)?;
        await_online_again(admin)?;
        ensure!(
            admin.list("/api/v1/hosts")?[0]["id"] == host["id"],
            "it is the host that it was"
        );
        Ok(())
    }

    fn removed_host_gives_up(&self, admin: &Api, host: &Value) -> Result<()> {
        let restarts = property(&self.host, AGENT, "NRestarts")?;
        admin.delete(&format!("/api/v1/hosts/{}", text(host, "id")?))?;
        wait::until("the removed host's agent to give up", PATIENCE, || {
            let state = property(&self.host, AGENT, "ActiveState")?;
            Ok(if state == "failed" {
                Found::Yes(())
            } else {
                Found::No(state)
            })
        })?;
        ensure!(
            property(&self.host, AGENT, "ExecMainStatus")? == "78",
            "it says why"
        );
        ensure!(
            property(&self.host, AGENT, "NRestarts")? == restarts,
            "it does not try again"
        );
        Ok(())
    }

    fn purged_packages_leave_nothing(&self) -> Result<()> {
        for (machine, name) in [(&self.host, "muster-agent"), (&self.plane, "muster")] {
            let said = machine.run(&format!("dpkg --purge {name} 2>&1"))?;
            ensure!(
                said.contains(&format!("in /var/lib/{name}\n")),
                "it says what it removes: {said}"
            );
            let left = machine.run(
                "systemctl daemon-reload
                 find / -xdev -name '*muster*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/tmp/*' \
                     -not -path '/etc/credstore/*'
                 find /run -name '*muster*'
                 systemctl list-unit-files --no-legend 'muster*' || true",
            )?;
            ensure!(left.is_empty(), "{name} left: {left}");
        }
        Ok(())
    }
}

/// Waits for a session that began after now: the one that was there may not have been missed yet.
fn await_online_again(admin: &Api) -> Result<()> {
    let before = readings_of(admin).unwrap_or_default();
    wait::until("the host to be online and reporting", PATIENCE, || {
        // The control plane may be starting.
        let Ok(now) = readings_of(admin) else {
            return Ok(Found::No("no answer".to_owned()));
        };
        Ok(if now > before {
            Found::Yes(())
        } else {
            Found::No(format!("{before}, now {now}"))
        })
    })
}

/// How many samples are stored of the host, if it is online.
fn readings_of(admin: &Api) -> Result<u64> {
    let hosts = admin.list("/api/v1/hosts")?;
    let host = hosts.first().context("there is no host")?;
    ensure!(host["status"] == "online", "{host}");
    Ok(readings::stored(admin, host)?.samples)
}
