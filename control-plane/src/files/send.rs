//! Sending files to hosts: what is asked for, and the orders that come of it.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{FileId, FileSendId, FileSendTargetId, HostId, OrderId, OrgId, Sha256Digest, UnixMs};
use muster_protocol::{
    FILES_SINCE,
    latest::{FileOrder, OrderPayload},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    FilesError,
    file::{FileItem, OwnerType, Sight},
    sent,
    store::{self, send::NewTarget},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    fleet::{self, Host, HostSelector, Labels},
    in_tx,
    work::{self, NewOrder, OrderKind, OrderState},
};

const MAX_FILES: usize = 20;
const MAX_HOSTS: usize = 500;
/// Files for hosts, of one send.
const MAX_TARGETS: usize = 2_000;
/// Files for hosts that have not ended, of an org.
const MAX_OPEN: i64 = 2_000;
const MAX_PATH: usize = 4_095;
const MAX_NAME: usize = 255;
const MODE: u32 = 0o644;
const LASTS_S: i64 = 24 * 3_600;
const SHORTEST_S: i64 = 60;
const LONGEST_S: i64 = 7 * 24 * 3_600;
const MS_PER_S: i64 = 1_000;
const TOO_OLD: &str = "the host's agent is too old to take files: upgrade it; nothing was changed";

/// What is sent where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSendBody {
    /// The org's files, 1–20.
    pub file_ids: Vec<FileId>,
    /// These hosts, and …
    #[serde(default)]
    pub hosts: Vec<HostId>,
    /// … those in reach that have all of these labels; none if empty. 500 in all.
    #[serde(default)]
    pub selector: BTreeMap<String, String>,
    /// Where to: an absolute path. A file's name is added if it ends with `/`, as it must for several.
    pub destination: String,
    /// Permissions in octal digits; `644` by default.
    pub mode: Option<String>,
    /// Whether a file that is there is replaced. The old one is not kept.
    #[serde(default)]
    pub replace: bool,
    /// A host that has not begun after so many seconds, 60–604800, does not; a day by default.
    #[schema(minimum = 60, maximum = 604_800)]
    pub expires_in_s: Option<i64>,
}

/// Files that were sent to hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSend {
    /// Id.
    pub id: FileSendId,
    /// Who asked, for people.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// A host that has not begun by then does not.
    pub expires_at: UnixMs,
    /// Where to, as it was asked for.
    pub destination: String,
    /// Permissions in octal digits.
    pub mode: String,
    /// Whether a file that is there is replaced.
    pub replace: bool,
    /// When somebody took back what had not begun.
    pub cancelled_at: Option<UnixMs>,
    /// What was sent, by name.
    pub files: Vec<SentFile>,
    /// How many files on hosts are how far: the words of a work order's state.
    pub outcomes: BTreeMap<String, i64>,
}

/// A file as it was when it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentFile {
    /// Its id; it may be deleted.
    pub file_id: FileId,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub hash: String,
    /// Its path on the hosts.
    pub path: String,
}

/// A file for a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSendTarget {
    /// Id.
    pub id: FileSendTargetId,
    /// Which file.
    pub file_id: FileId,
    /// Its path on the host.
    pub path: String,
    /// Which host; it may have been removed.
    pub host_id: HostId,
    /// Its name at the time.
    pub host_name: String,
    /// The work order; null if none was made, because the host's agent is too old.
    pub order_id: Option<OrderId>,
    /// Where it stands.
    pub state: OrderState,
    /// What went wrong and what to do.
    pub error: Option<String>,
    /// When it ended.
    pub ended_at: Option<UnixMs>,
}

/// What was asked for, as far as it can be told without looking.
struct Plan {
    mode: u32,
    lasts_ms: i64,
}

/// A file, and its place on hosts.
struct Going {
    item: FileItem,
    sha256: [u8; 32],
    file: SentFile,
}

/// Orders it of the hosts.
pub(super) async fn send(app: &App, caller: &Caller, body: FileSendBody) -> Result<FileSend, FilesError> {
    caller.require(Operation::FileSend)?;
    let plan = check(&body)?;
    let files = files(app, caller, &body).await?;
    let hosts = hosts(app, caller, &body).await?;
    if files.len() * hosts.len() > MAX_TARGETS {
        let message = format!(
            "are too many for {} hosts: send {MAX_TARGETS} in all at a time",
            hosts.len()
        );
        return Err(FilesError::invalid("fileIds", message));
    }
    let is_old = |host: &Host| {
        app.links
            .version_of(host.id)
            .is_some_and(|version| version < FILES_SINCE)
    };
    let (old, able): (Vec<_>, Vec<_>) = hosts.into_iter().partition(is_old);
    if able.is_empty() {
        return Err(FilesError::OldAgents);
    }
    let now = app.clock.now();
    let made = FileSend {
        id: app.clock.new_id(),
        created_by: caller.actor.name(),
        created_at: now,
        expires_at: now.plus_ms(plan.lasts_ms),
        destination: body.destination,
        mode: mode_text(plan.mode),
        replace: body.replace,
        cancelled_at: None,
        files: Vec::new(),
        outcomes: BTreeMap::new(),
    };
    let pairs: Vec<_> = able
        .iter()
        .flat_map(|host| files.iter().map(move |going| (host, going)))
        .collect();
    let orders = pairs.iter().map(|(host, going)| NewOrder {
        org: caller.org(),
        host: host.id,
        payload: OrderPayload::File(FileOrder {
            send: made.id,
            path: going.file.path.clone(),
            mode: plan.mode,
            replace: made.replace,
            size: going.file.size,
            sha256: going.sha256,
        }),
        approvals: Vec::new(),
        not_before: now,
        expires: made.expires_at,
        created_by: made.created_by.clone(),
    });
    let orders: Vec<_> = orders.collect();
    let sent: Vec<_> = files
        .iter()
        .map(|going| (going.item.path.clone(), going.file.clone()))
        .collect();
    in_tx!(app.db, |tx| {
        require_room(tx, caller.org(), orders.len()).await?;
        let ids = work::submit_many(app, tx, orders).await?;
        let ordered = pairs.iter().zip(ids).map(|((host, going), order)| NewTarget {
            order: Some(order),
            ..target(app, host, &going.file)
        });
        let refused = old.iter().flat_map(|host| {
            files.iter().map(move |going| NewTarget {
                state: OrderState::Failed,
                error: Some(TOO_OLD),
                ended_at: Some(now),
                ..target(app, host, &going.file)
            })
        });
        let targets: Vec<_> = ordered.chain(refused).collect();
        store::send::insert(tx, caller.org(), &made, plan.mode, &sent, &targets).await?;
        let names: Vec<_> = sent
            .iter()
            .map(|(_, file)| json!({"id": file.file_id, "name": file.name, "hash": file.hash, "path": file.path}))
            .collect();
        let entry = Entry::done("file:send", "fileSend", made.id).after(&json!({
            "files": names, "hosts": able.len(), "hostsTooOld": old.len(), "mode": made.mode,
            "replace": made.replace, "expiresAt": made.expires_at,
        }));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    app.work.wake();
    sent::get(app, caller, made.id).await
}

/// Passes if the org may have so many more on their way.
async fn require_room(tx: &mut Tx, org: OrgId, more: usize) -> Result<(), FilesError> {
    // One send at a time, or several would pass beside each other.
    store::send::lock(tx, org).await?;
    let open = work::count_open(tx, org, OrderKind::File).await?;
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    if open.saturating_add(more) > MAX_OPEN {
        return Err(FilesError::TooManyOpen { open, most: MAX_OPEN });
    }
    Ok(())
}

fn target(app: &App, host: &Host, file: &SentFile) -> NewTarget {
    NewTarget {
        id: app.clock.new_id(),
        file: file.file_id,
        host: host.id,
        host_name: host.name.clone(),
        order: None,
        state: OrderState::Queued,
        error: None,
        ended_at: None,
    }
}

fn check(body: &FileSendBody) -> Result<Plan, FilesError> {
    if body.file_ids.is_empty() {
        return Err(FilesError::invalid("fileIds", Flaw::Needed));
    }
    if body.file_ids.len() > MAX_FILES {
        return Err(FilesError::invalid("fileIds", Flaw::TooMany(MAX_FILES)));
    }
    if body.hosts.is_empty() && body.selector.is_empty() {
        return Err(FilesError::invalid("hosts", Flaw::Needed));
    }
    if body.hosts.len() > MAX_HOSTS {
        return Err(FilesError::invalid("hosts", Flaw::TooMany(MAX_HOSTS)));
    }
    let lasts_s = body.expires_in_s.unwrap_or(LASTS_S);
    if !(SHORTEST_S..=LONGEST_S).contains(&lasts_s) {
        return Err(FilesError::invalid(
            "expiresInS",
            Flaw::Range(SHORTEST_S, LONGEST_S),
        ));
    }
    let mode = match &body.mode {
        None => MODE,
        Some(text) => parse_mode(text).ok_or_else(|| FilesError::invalid("mode", Flaw::FileMode))?,
    };
    Ok(Plan {
        mode,
        lasts_ms: lasts_s * MS_PER_S,
    })
}

/// Three octal digits, of which a zero may be before: nothing that lets a file run as somebody else.
fn parse_mode(text: &str) -> Option<u32> {
    let digits = text
        .strip_prefix('0')
        .filter(|rest| rest.len() == 3)
        .unwrap_or(text);
    let is_plain = digits.len() == 3 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    is_plain.then(|| u32::from_str_radix(digits, 8).ok()).flatten()
}

/// As people write it.
pub(super) fn mode_text(mode: u32) -> String {
    format!("{mode:03o}")
}

/// The path of a file of this name, if it is one.
fn path_on_host(destination: &str, name: &str) -> Option<String> {
    let path = if destination.ends_with('/') {
        format!("{destination}{name}")
    } else {
        destination.to_owned()
    };
    let plain = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= MAX_NAME;
    let is_plain = path.len() <= MAX_PATH
        && !path.chars().any(char::is_control)
        && path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(plain));
    is_plain.then_some(path)
}

async fn files(app: &App, caller: &Caller, body: &FileSendBody) -> Result<Vec<Going>, FilesError> {
    let wanted: BTreeSet<_> = body.file_ids.iter().copied().collect();
    if wanted.len() > 1 && !body.destination.ends_with('/') {
        let message = "must end with / for several files: it is the folder that they go into";
        return Err(FilesError::invalid("destination", message));
    }
    caller.require(Operation::FileRead)?;
    let ids: Vec<_> = wanted.iter().copied().collect();
    let found = store::file::find_all(&app.db, &Sight::of(caller), &ids).await?;
    if found.len() < wanted.len() {
        return Err(FilesError::NoFile);
    }
    let all = found.into_iter().map(|item| {
        caller.require_on(Operation::FileRead, &item.object())?;
        caller.require_on(Operation::FileSend, &item.object())?;
        going(item, &body.destination)
    });
    let all = all.collect::<Result<Vec<_>, FilesError>>()?;
    check_paths(&all)?;
    Ok(all)
}

/// Each has a place of its own.
fn check_paths(all: &[Going]) -> Result<(), FilesError> {
    let mut paths = BTreeSet::new();
    for going in all {
        if !paths.insert(going.file.path.as_str()) {
            let message = format!(
                "holds two files of the name {}, and a place can have one: send the other one elsewhere",
                going.file.name
            );
            return Err(FilesError::invalid("fileIds", message));
        }
    }
    Ok(())
}

fn going(item: FileItem, destination: &str) -> Result<Going, FilesError> {
    let digest = item
        .hash
        .as_deref()
        .and_then(|hash| hash.parse::<Sha256Digest>().ok());
    let Some(Sha256Digest(sha256)) = digest.filter(|_| !item.is_folder()) else {
        return Err(FilesError::invalid(
            "fileIds",
            "holds a folder: choose the files in it",
        ));
    };
    if item.owner_type == OwnerType::Person {
        return Err(FilesError::Personal(item.name));
    }
    let path = path_on_host(destination, &item.name)
        .ok_or_else(|| FilesError::invalid("destination", Flaw::File))?;
    let file = SentFile {
        file_id: item.id,
        name: item.name.clone(),
        size: item.size,
        hash: item.hash.clone().unwrap_or_default(),
        path,
    };
    Ok(Going { item, sha256, file })
}

/// Those that are named, who must all be in reach, and those in reach that have the labels.
async fn hosts(app: &App, caller: &Caller, body: &FileSendBody) -> Result<Vec<Host>, FilesError> {
    let named: BTreeSet<_> = body.hosts.iter().copied().collect();
    let ids: Vec<_> = named.iter().copied().collect();
    let mut hosts = BTreeMap::new();
    if !ids.is_empty() {
        for host in fleet::find_hosts(app, caller.org(), &ids).await? {
            caller.require_on(Operation::FileSend, &host.object())?;
            hosts.insert(host.id, host);
        }
        if hosts.len() < named.len() {
            return Err(crate::error::Error::NotFound("host").into());
        }
    }
    if !body.selector.is_empty() {
        let selector = HostSelector {
            labels: Labels(body.selector.clone()),
            ..HostSelector::default()
        };
        for host in fleet::select_hosts(app, caller.org(), &selector).await? {
            if caller.may_on(Operation::FileSend, &host.object()) {
                hosts.insert(host.id, host);
            }
        }
    }
    if hosts.is_empty() {
        return Err(FilesError::invalid("selector", "fits no host in your reach"));
    }
    if hosts.len() > MAX_HOSTS {
        return Err(FilesError::invalid("selector", Flaw::TooMany(MAX_HOSTS)));
    }
    Ok(hosts.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_three_octal_digits() {
        assert_eq!(parse_mode("644"), Some(0o644));
        assert_eq!(parse_mode("0755"), Some(0o755));
        assert_eq!(mode_text(0o44), "044");
        for bad in ["", "64", "4755", "1644", "648", "00644", "rwx", "+64", "-64"] {
            assert_eq!(parse_mode(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_destination_is_a_path_that_means_what_it_says() {
        let path = |destination: &str| path_on_host(destination, "a.txt");
        assert_eq!(path("/srv/").as_deref(), Some("/srv/a.txt"));
        assert_eq!(path("/srv/b").as_deref(), Some("/srv/b"));
        let long = format!("/{}", "a/".repeat(2_048));
        for bad in [
            "", "srv", "/", "//", "/srv//", "/srv/../", "/a/./b", "/a\0b", "/a\n/", &long,
        ] {
            assert_eq!(path(bad).filter(|_| bad != "/"), None, "{bad:?}");
        }
        assert_eq!(path("/").as_deref(), Some("/a.txt"));
    }
}
