#![allow(clippy::unwrap_used)]
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Instant, SystemTime};

use super::*;

fn look(procfs: &Path, ports: &[Port]) -> Vec<Option<Reason>> {
    let now = Now { monotonic: Instant::now(), wall: SystemTime::now() };
    Ports::new(procfs, ports).look(now).findings.into_iter().map(|finding| finding.wrong).collect()
}

fn port(port: u16, protocol: Protocol, address: Option<&str>) -> Port {
    Port { port, protocol, address: address.map(|text| text.parse().unwrap()), ..Port::default() }
}

#[test]
fn the_kernel_tells_who_listens() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    let client = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    let used = client.local_addr().unwrap().port();
    let procfs = tempfile::tempdir().unwrap();
    // The tests' own network, which need not be that of the first process.
    std::os::unix::fs::symlink("/proc/self/net", procfs.path().join("net")).unwrap();
    let look = |ports: &[Port]| look(procfs.path(), ports);
    assert_eq!(
        look(&[
            port(at.0, Protocol::Tcp, None),
            port(at.0, Protocol::Tcp, Some("127.0.0.1")),
            port(at.0, Protocol::Tcp, Some("::ffff:127.0.0.1")),
            port(at.1, Protocol::Udp, None),
        ]),
        [None; 4]
    );
    assert_eq!(
        look(&[
            port(at.0, Protocol::Tcp, Some("127.0.0.2")),
            port(at.0, Protocol::Tcp, Some("::1")),
            port(used, Protocol::Tcp, None),
        ]),
        [Some(Reason::NotListening); 3]
    );
    drop((tcp, client));
    assert_eq!(look(&[port(at.0, Protocol::Tcp, None)]), [Some(Reason::NotListening)]);
}

#[test]
fn who_listens_at_all_addresses_serves_each() {
    let procfs = tempfile::tempdir().unwrap();
    let net = procfs.path().join("net");
    std::fs::create_dir(&net).unwrap();
    let title = "  sl  local_address rem_address   st\n";
    let four = "   0: 00000000:0050 00000000:0000 0A 0\n";
    let six = "   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0\n";
    std::fs::write(net.join("tcp"), format!("{title}{four}")).unwrap();
    std::fs::write(net.join("tcp6"), format!("{title}{six}")).unwrap();
    let tcp = |number, address| port(number, Protocol::Tcp, Some(address));
    let ports = [tcp(80, "10.0.0.1"), tcp(80, "::1"), tcp(443, "::1"), tcp(443, "10.0.0.1")];
    assert_eq!(look(procfs.path(), &ports), [None, Some(Reason::NotListening), None, None]);
}

#[test]
fn what_cannot_be_read_is_not_nobody() {
    let procfs = tempfile::tempdir().unwrap();
    assert_eq!(look(procfs.path(), &[port(80, Protocol::Tcp, None)]), [Some(Reason::Unreadable)]);
}
