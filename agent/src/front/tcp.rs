//! A connection that stays where it began.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

const CONNECT: Duration = Duration::from_secs(5);
/// A container that is being restarted is back within this time, or its clients hear that it is not there.
const PATIENCE: Duration = Duration::from_secs(3);
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Takes the client's connection to the target until either side ends it.
pub async fn serve(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut server = connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// Connects, trying again for a moment.
pub(super) async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let tried = timeout(CONNECT, TcpStream::connect(target)).await;
        match tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if Instant::now() >= give_up => return Err(error),
            Err(_) => sleep(TRY_AGAIN).await,
        }
    }
}
