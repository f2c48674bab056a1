//! Where the gateway, DynamoDB and EventBridge listen: at 127.0.0.1, and at one more address if there is one to listen at.
//! Nothing here checks who calls, so that it is this machine alone unless somebody says otherwise.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures::future::select_all;
use tokio::net::{TcpListener, TcpStream};

const THIS_MACHINE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// `LISTEN` cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("LISTEN is `{0}`, which is no IP address, no network interface that has one, and no host")]
pub struct UnknownAddress(String);

/// An address and port that cannot be listened at, and why.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {source}")]
pub struct ListenError {
    pub(crate) address: SocketAddr,
    pub(crate) source: io::Error,
}

/// 127.0.0.1, and the address that `listen` is or names, unless it includes that.
pub(crate) async fn addresses(listen: Option<&str>) -> Result<Vec<IpAddr>, UnknownAddress> {
    let Some(name) = listen else {
        return Ok(vec![THIS_MACHINE]);
    };
    let address = match name.parse().ok().or_else(|| of_interface(name)) {
        Some(address) => address,
        None => of_host(name).await.ok_or_else(|| UnknownAddress(name.to_owned()))?,
    };
    if address == THIS_MACHINE {
        return Ok(vec![address]);
    }
    tracing::info!(%address, "whoever reaches this address may do anything");
    if address.is_unspecified() {
        return Ok(vec![address]);
    }
    Ok(vec![THIS_MACHINE, address])
}

fn of_interface(name: &str) -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.into_iter().filter(|interface| interface.name == name);
    addresses.map(|interface| interface.ip()).find(IpAddr::is_ipv4)
}

async fn of_host(name: &str) -> Option<IpAddr> {
    let addresses = tokio::net::lookup_host((name, 0)).await.ok()?;
    addresses.map(|address| address.ip()).min_by_key(IpAddr::is_ipv6)
}

/// One service's listeners: the same port at each address.
#[derive(Debug)]
pub(crate) struct Listeners {
    port: u16,
    listeners: Vec<TcpListener>,
}

impl Listeners {
    /// Port 0 is one that is free at the first address.
    pub(crate) async fn bind(addresses: &[IpAddr], mut port: u16) -> Result<Self, ListenError> {
        let mut listeners = Vec::new();
        for address in addresses {
            let address = SocketAddr::new(*address, port);
            let failed = |source| ListenError { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            port = listener.local_addr().map_err(failed)?.port();
            listeners.push(listener);
        }
        Ok(Self { port, listeners })
    }

    /// Listeners at a free port of 127.0.0.1.
    pub(crate) async fn local() -> Result<Self, ListenError> {
        Self::bind(&[THIS_MACHINE], 0).await
    }

    /// Where this machine reaches the service.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(THIS_MACHINE, self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

impl IntoIterator for Listeners {
    type Item = TcpListener;
    type IntoIter = std::vec::IntoIter<TcpListener>;

    fn into_iter(self) -> Self::IntoIter {
        self.listeners.into_iter()
    }
}

impl axum::serve::Listener for Listeners {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let accepting = self.listeners.iter_mut();
        select_all(accepting.map(|listener| Box::pin(axum::serve::Listener::accept(listener))))
            .await
            .0
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_one_or_names_one_and_127_0_0_1_is_always_there() {
        let listed = async |listen| match addresses(listen).await {
            Ok(addresses) => addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(listed(None).await, "127.0.0.1");
        assert_eq!(listed(Some("10.1.2.3")).await, "127.0.0.1 10.1.2.3");
        assert_eq!(listed(Some("localhost")).await, "127.0.0.1");
        assert_eq!(listed(Some("0.0.0.0")).await, "0.0.0.0");
        assert_eq!(
            listed(Some("nothing.invalid")).await,
            "LISTEN is `nothing.invalid`, which is no IP address, no network interface that has one, and no host"
        );
        #[cfg(target_os = "linux")]
        assert_eq!(listed(Some("lo")).await, "127.0.0.1");
    }
}
