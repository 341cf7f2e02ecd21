//! Each way of failing, made for real.

use super::rig::{assert_failed, config, first_run};

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_failed(&series, "tcp_refused", "connect");
    assert_eq!(series["probe_http_status_code"], 0.0);
}
