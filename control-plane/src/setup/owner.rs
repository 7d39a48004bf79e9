//! Root gives its privileges up for those of the data directory's owner.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};

use super::SetupError;

/// Where root runs a command on a data directory that is somebody else's (the packages give it to the user `muster`),
/// the process is that user from here on, so that the server can read what the command writes. What only root may
/// read must have been read before. Does nothing for others, and where there is no such directory yet.
pub fn become_owner(data: &Path) -> Result<(), SetupError> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let failed = |source: io::Error| SetupError::Owner(data.to_owned(), source);
    let about = match fs::metadata(data) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if about.uid() == 0 {
        return Ok(());
    }
    switch(Uid::from_raw(about.uid()), Gid::from_raw(about.gid())).map_err(|errno| failed(errno.into()))
}

/// Groups first: once the user is another, they can't be changed any more.
fn switch(owner: Uid, group: Gid) -> nix::Result<()> {
    let named = User::from_uid(owner)?.and_then(|user| std::ffi::CString::new(user.name).ok());
    match named {
        Some(name) => initgroups(&name, group)?,
        None => setgroups(&[group])?,
    }
    setgid(group)?;
    setuid(owner)
}
