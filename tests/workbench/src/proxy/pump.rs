//! The threads: one accepts, two for each connection pass on what is said and look for the fault's moment.

use super::{Conn, Fault, Listener, Mode, Shared};
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BUFFER: usize = 64 * 1_024;
/// Nobody but a look finds out that a listener is to end.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One client with its connection to the service.
struct Pair {
    client: Conn,
    service: Conn,
    /// The next thing that the service says is not passed on.
    swallow: AtomicBool,
    /// Nothing passes any more.
    hangs: AtomicBool,
    /// Nothing passes back any more.
    mute: AtomicBool,
}

pub(super) fn accept(shared: &Arc<Shared>, listener: &Listener) {
    loop {
        let client = match listener.accept() {
            Ok(client) => client,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if shared.lock().stopping {
                    return;
                }
                std::thread::sleep(LOOK_AGAIN);
                continue;
            }
            Err(_) => return,
        };
        let mode = shared.lock().mode;
        match mode {
            Mode::Pass => {
                // Where the service is away, the client sees the end of its connection.
                connect(shared, client).ok();
            }
            Mode::Close => client.cut(),
            Mode::Silent => shared.lock().live.push(client),
        }
    }
}

fn connect(shared: &Arc<Shared>, client: Conn) -> std::io::Result<()> {
    let service = shared.target.connect()?;
    let mut live = vec![client.try_clone()?, service.try_clone()?];
    let (to_client, from_client) = (client.try_clone()?, client.try_clone()?);
    let (to_service, from_service) = (service.try_clone()?, service.try_clone()?);
    let pair = Arc::new(Pair {
        client,
        service,
        swallow: AtomicBool::new(false),
        hangs: AtomicBool::new(false),
        mute: AtomicBool::new(false),
    });
    let (up, down) = (Arc::clone(&pair), pair);
    let (up_shared, down_shared) = (Arc::clone(shared), Arc::clone(shared));
    let pumps = [
        std::thread::spawn(move || pump_up(&up_shared, &up, from_client, to_service)),
        std::thread::spawn(move || pump_down(&down_shared, &down, from_service, to_client)),
    ];
    let mut state = shared.lock();
    state.live.append(&mut live);
    state.pumps.extend(pumps);
    Ok(())
}

/// From the client to the service.
fn pump_up(shared: &Shared, pair: &Pair, mut from: Conn, mut to: Conn) {
    let mut buffer = vec![0; BUFFER];
    let mut seen = Vec::new();
    let mut has_vanished = false;
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let said = &buffer[..read];
        if pair.hangs.load(Ordering::SeqCst) {
            continue;
        }
        let fault = moment(shared, &mut seen, said);
        match fault {
            Some(Fault::Before(_)) => return pair.cut(),
            Some(Fault::Hang(_) | Fault::Vanish(_)) => {
                pair.hangs.store(true, Ordering::SeqCst);
                has_vanished = matches!(fault, Some(Fault::Vanish(_)));
                continue;
            }
            Some(Fault::Hold(_)) => shared.wait_released(),
            Some(Fault::Mute(_)) => pair.mute.store(true, Ordering::SeqCst),
            Some(Fault::After(_)) => pair.swallow.store(true, Ordering::SeqCst),
            Some(Fault::During(_) | Fault::AfterBytes(_)) | None => {}
        }
        if to.write_all(said).is_err() {
            break;
        }
        if let Some(Fault::During(_)) = fault {
            return pair.cut();
        }
    }
    if !has_vanished {
        to.end_writing();
    }
}

/// From the service to the client.
fn pump_down(shared: &Shared, pair: &Pair, mut from: Conn, mut to: Conn) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if pair.hangs.load(Ordering::SeqCst) || pair.mute.load(Ordering::SeqCst) {
            continue;
        }
        if pair.swallow.load(Ordering::SeqCst) {
            return pair.cut();
        }
        if enough(shared, read) && shared.happen() {
            return pair.cut();
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    to.end_writing();
}

/// The fault, if its moment is in what was just said.
fn moment(shared: &Shared, seen: &mut Vec<u8>, said: &[u8]) -> Option<Fault> {
    let fault = shared.lock().fault.clone()?;
    let bytes = match &fault {
        Fault::Before(bytes)
        | Fault::During(bytes)
        | Fault::After(bytes)
        | Fault::Hang(bytes)
        | Fault::Vanish(bytes)
        | Fault::Mute(bytes)
        | Fault::Hold(bytes) => bytes.as_bytes(),
        Fault::AfterBytes(_) => return None,
    };
    // They may be cut in two by the network.
    seen.extend_from_slice(said);
    let found = seen.windows(bytes.len()).any(|part| part == bytes);
    let rest = seen.len().saturating_sub(bytes.len() - 1);
    seen.drain(..rest);
    (found && shared.happen()).then_some(fault)
}

fn enough(shared: &Shared, more: usize) -> bool {
    let mut state = shared.lock();
    state.said = state.said.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
    matches!(state.fault, Some(Fault::AfterBytes(most)) if state.said > most)
}

impl Pair {
    fn cut(&self) {
        self.client.cut();
        self.service.cut();
    }
}
