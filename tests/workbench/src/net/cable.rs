//! A network namespace at the end of a cable.

use crate::process::{Launch, run};
use crate::tools;
use anyhow::{Context, Result, bail};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

const PREFIX: &str = "muster-";
/// Networks of four addresses that cables are laid in, one for each.
const PLACES: u8 = 200;
/// The far end's addresses; this machine's own are before and after them.
const FIRST_FAR: u8 = 2;
const LAST_FAR: u8 = 200;

/// A host at the end of a cable. Its end of the network goes when this is dropped.
#[derive(Debug)]
pub struct Cable {
    name: String,
    /// Third octet of its addresses.
    place: u8,
    /// Last octet of the far end's present address.
    far: AtomicU8,
}

impl Cable {
    /// Lays one: a new namespace with an address, and one for this machine that it sees.
    ///
    /// # Errors
    /// When we are not root, or the kernel has no namespaces.
    pub fn lay() -> Result<Self> {
        tools::install_missing(&[tools::IP])?;
        sweep();
        for place in 1..=PLACES {
            let name = format!("{PREFIX}{}-{place}", std::process::id());
            let near = near_interface(place);
            let taken = Path::new("/sys/class/net").join(&near).exists();
            if taken || ip(&["netns", "add", &name]).is_err() {
                continue;
            }
            let far = AtomicU8::new(FIRST_FAR);
            let cable = Self { name, place, far };
            // Whoever makes the pair first has the place; the loser's namespace goes with it.
            let pair = [
                "link",
                "add",
                &near,
                "type",
                "veth",
                "peer",
                "name",
                "wan",
                "netns",
                &cable.name,
            ];
            if ip(&pair).is_err() {
                continue;
            }
            cable.bring_up()?;
            return Ok(cable);
        }
        bail!("no cable could be laid: are we root, and has the kernel network namespaces?")
    }

    fn bring_up(&self) -> Result<()> {
        let near = format!("{}/24", self.near());
        let far = format!("{}/24", self.far());
        ip(&["addr", "add", &near, "dev", &self.interface()])?;
        ip(&["link", "set", &self.interface(), "up"])?;
        self.ip_there(&["addr", "add", &far, "dev", "wan"])?;
        self.ip_there(&["link", "set", "lo", "up"])?;
        self.ip_there(&["link", "set", "wan", "up"])
    }

    /// This machine's address, as the host at the other end sees it.
    pub fn near(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.place, 1)
    }

    /// The host's address.
    pub fn far(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.place, self.far.load(Ordering::Relaxed))
    }

    /// How to run `program` on the host.
    pub fn launch(&self, name: &str, program: &Path) -> Result<Launch> {
        Ok(Launch::new(name, &tools::IP.path()?)
            .args(["netns", "exec", &self.name])
            .args([program]))
    }

    /// A command that runs `program` on the host.
    pub fn command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(tools::IP.path()?);
        command.args(["netns", "exec", &self.name]).arg(program);
        Ok(command)
    }

    /// Pulls it out: nothing goes either way, and nobody is told.
    pub fn pull(&self) -> Result<()> {
        ip(&["link", "set", &self.interface(), "down"])
    }

    /// Plugs it in again.
    pub fn plug(&self) -> Result<()> {
        ip(&["link", "set", &self.interface(), "up"])
    }

    /// Gives the host another address in place of its present one, as another network or a router that restarted would.
    pub fn move_host(&self) -> Result<()> {
        let before = format!("{}/24", self.far());
        let next = |far| Some(if far >= LAST_FAR { FIRST_FAR } else { far + 1 });
        self.far
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .ok();
        let after = format!("{}/24", self.far());
        // In this order: a second address of the same network would go with the first one.
        self.ip_there(&["addr", "del", &before, "dev", "wan"])?;
        self.ip_there(&["addr", "add", &after, "dev", "wan"])
    }

    /// Gives this machine one more address that the host sees.
    pub fn add_near(&self, last: u8) -> Result<Ipv4Addr> {
        let address = Ipv4Addr::new(198, 18, self.place, last);
        ip(&["addr", "add", &format!("{address}/24"), "dev", &self.interface()])?;
        Ok(address)
    }

    /// Has the host reach another of this machine's addresses, too.
    pub fn also_reaches(&self, address: Ipv4Addr) -> Result<()> {
        let route = format!("{address}/32");
        self.ip_there(&["route", "add", &route, "via", &self.near().to_string()])
    }

    /// Makes packets of more than `bytes` too large for it, at both ends.
    pub fn carry(&self, bytes: u32) -> Result<()> {
        let bytes = bytes.to_string();
        ip(&["link", "set", &self.interface(), "mtu", &bytes])?;
        self.ip_there(&["link", "set", "wan", "mtu", &bytes])
    }

    /// Has the host ask the name server at `address`.
    pub fn ask(&self, address: Ipv4Addr) -> Result<()> {
        let dir = self.etc();
        fs::create_dir_all(&dir)?;
        fs::write(
            dir.join("resolv.conf"),
            format!("nameserver {address}\noptions timeout:1 attempts:2\n"),
        )
        .context("the host's resolv.conf can't be written")
    }

    /// What `ip netns exec` lays over `/etc`.
    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.name)
    }

    fn interface(&self) -> String {
        near_interface(self.place)
    }

    fn ip_there(&self, args: &[&str]) -> Result<()> {
        let mut all = vec!["-n", &self.name];
        all.extend(args);
        ip(&all)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // The pair goes with its far end.
        ip(&["netns", "del", &self.name]).ok();
        fs::remove_dir_all(self.etc()).ok();
    }
}

fn near_interface(place: u8) -> String {
    format!("muster{place}")
}

fn ip(args: &[&str]) -> Result<()> {
    run(Command::new(tools::IP.path()?).args(args)).map(drop)
}

/// Removes the namespaces of runs that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !process.is_empty() && !Path::new("/proc").join(process).exists()) {
            ip(&["netns", "del", name]).ok();
            fs::remove_dir_all(Path::new("/etc/netns").join(name)).ok();
        }
    }
}
