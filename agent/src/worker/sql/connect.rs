//! Why there is no connection, in words that say what to do.

use std::io::ErrorKind;

use super::error::{message, number};

/// What an error at connecting means.
pub(super) fn explained(error: &sqlx::Error) -> String {
    let said = message(error);
    match error {
        sqlx::Error::Io(io) => network(io.kind(), &said),
        sqlx::Error::Tls(_) => format!("the encrypted connection could not be made: {said}"),
        sqlx::Error::Protocol(_) => format!(
            "what listens there does not answer as a database server of this kind ({said}); check the address and the \
             port, and that nothing between cuts it off"
        ),
        sqlx::Error::Database(inner) => match number(error) {
            Some(number) => mysql(number, &said),
            None => postgres(inner.code().as_deref().unwrap_or_default(), &said),
        },
        _ => said,
    }
}

fn network(kind: ErrorKind, said: &str) -> String {
    match kind {
        ErrorKind::ConnectionRefused => {
            "nothing listens there (connection refused); check the address and the port, \
             and that the database server runs"
                .to_owned()
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("the address can't be reached from the host ({said}); check it, and the network between")
        }
        ErrorKind::TimedOut => silence(),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe => format!(
            "the connection was closed before the server answered ({said}); check that a database server listens \
             there, and that nothing between cuts it off"
        ),
        _ if said.contains("lookup address") => {
            format!("the name can't be resolved on the host ({said}); check the address")
        }
        _ => said.to_owned(),
    }
}

/// Nobody answered in time.
pub(super) fn silence() -> String {
    "no answer in time; check the address, and that no firewall between the host and the server drops what it sends"
        .to_owned()
}

fn postgres(code: &str, said: &str) -> String {
    match code {
        "28000" if said.contains("pg_hba.conf") => {
            format!("the server lets nobody in from this host ({said}); allow it in pg_hba.conf")
        }
        "28P01" | "28000" => wrong_login(said),
        "3D000" => no_database(said),
        "42501" => no_right(said),
        "53300" => full(said),
        "57P03" => format!("the server is starting or stopping ({said}); try again in a moment"),
        _ => said.to_owned(),
    }
}

fn mysql(number: u16, said: &str) -> String {
    match number {
        1045 | 1698 => wrong_login(said),
        1049 => no_database(said),
        1044 => no_right(said),
        1040 | 1203 | 1226 => full(said),
        1129 | 1130 => {
            format!("the server lets nobody in from this host ({said}); allow the user from there")
        }
        1053 => format!("the server is stopping ({said}); try again in a moment"),
        _ => said.to_owned(),
    }
}

fn wrong_login(said: &str) -> String {
    format!(
        "the server refuses the user or the password ({said}); correct them at the server's entry in Muster"
    )
}

fn no_database(said: &str) -> String {
    format!(
        "there is no such database ({said}); create it, or correct its name at the server's entry in Muster"
    )
}

fn no_right(said: &str) -> String {
    format!(
        "the user may not use this database, or there is none of this name ({said}); create it, or grant the user the \
         right to use it"
    )
}

fn full(said: &str) -> String {
    format!("the server has no connection free ({said}); try again later, or raise its limit of connections")
}
