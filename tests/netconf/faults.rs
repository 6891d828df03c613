//! A session that is cut anywhere: what was done is found by reading, and is never told wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reconverge::adapters::device::{Certainty, Device as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::servers::{interfaces, server};

/// A door to a port that is closed after so many bytes from the server.
async fn door(to: u16, budget: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
            let budget = Arc::clone(&budget);
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                pass_on(&mut from_server, &mut to_client, &budget).await;
                up.abort();
            });
        }
    });
    port
}

/// Copies bytes until the budget is used up or a side is gone.
async fn pass_on(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, budget: &AtomicUsize) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let left = budget.load(Ordering::SeqCst);
        if to.write_all(&buffer[..count.min(left)]).await.is_err() || count >= left {
            return;
        }
        budget.fetch_sub(count, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_session_that_is_cut_anywhere_leaves_the_old_or_the_new_and_says_so() {
    let Some(mut server) = server("timer").await else { return };
    let real = server.target.port;
    let budget = Arc::new(AtomicUsize::new(usize::MAX));
    let door = door(real, Arc::clone(&budget)).await;
    let candidate = server.candidate("cut", "", &interfaces(&[("eth0", "a")]));
    let (mut refused, mut lost, mut done) = (0, 0, 0);
    // A whole dialogue is about 10 kB from the server: the cuts go through all of it.
    for cut in (2_000..13_000).step_by(400) {
        server.target.port = door;
        budget.store(cut, Ordering::SeqCst);
        let outcome = match server.try_session().await {
            Ok(mut session) => session.commit(&candidate, Duration::from_secs(30)).await,
            Err(error) => Err(error),
        };
        budget.store(usize::MAX, Ordering::SeqCst);
        server.target.port = real;
        let at_base = server.running().await.is_empty();
        match outcome {
            Ok(()) => {
                done += 1;
                assert!(!at_base, "cut after {cut} bytes: done, and nothing was done");
            }
            Err(error) if error.certainty == Certainty::Refused => {
                refused += 1;
                assert!(at_base, "cut after {cut} bytes: refused, and it was done: {error}");
            }
            Err(_) => lost += 1,
        }
        // a new process goes on: it brings the base back from whatever is there
        let mut last = None;
        for _ in 0..50 {
            match server.session().await.rollback(&candidate).await {
                Ok(()) => break,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(server.running().await, "", "cut after {cut} bytes: {last:?}");
    }
    crate::support::say(&format!(
        "netconf: sessions cut during a commit: {refused} refused, {lost} lost, {done} done; none told wrongly"
    ));
    assert!(refused > 0 && lost > 0 && done > 0);
}

#[tokio::test]
async fn a_lost_confirmation_is_settled_by_a_second_one() {
    let Some(server) = server("timer").await else { return };
    let candidate = server.candidate("settle", "", &interfaces(&[("eth0", "a")]));
    server.session().await.commit(&candidate, Duration::from_secs(30)).await.unwrap();
    let mut first = server.session().await;
    {
        let confirming = first.confirm(&candidate);
        // the controller dies in the middle
        let _ = tokio::time::timeout(Duration::from_millis(30), confirming).await;
    }
    drop(first);
    let second =
        tokio::time::timeout(Duration::from_secs(10), async { server.session().await.confirm(&candidate).await });
    if !matches!(second.await, Ok(Ok(()))) {
        server.session().await.confirm(&candidate).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(server.same(&server.running().await, &candidate.predicted));
    server.session().await.rollback(&candidate).await.unwrap();
}
