//! How many logins go on at the same time, per device and per site.

use std::time::Duration;

use reconverge::adapters::device::Target;
use reconverge::adapters::device::access::LoginLimit;
use reconverge::adapters::device::limit::{LoginLimits, Turn};
use tokio::time::timeout;

use super::telnet::{Manners, router};

async fn target(device: &str, limits: &[(&str, u32)]) -> Target {
    let mut target = router(Manners::Open).await;
    target.device = device.parse().expect("a name");
    let limit = |(name, most): &(&str, u32)| LoginLimit { name: (*name).into(), logins_max: *most };
    target.access.limits = limits.iter().map(limit).collect();
    target
}

async fn soon(limits: &LoginLimits, target: &Target) -> Option<Turn> {
    timeout(Duration::from_millis(100), limits.turn(target)).await.ok().map(|turn| turn.expect("a turn"))
}

#[tokio::test]
async fn logins_wait_for_their_turn_at_the_device_and_at_the_site() {
    let limits = LoginLimits::default();
    let r1 = target("r1", &[("device r1", 1), ("site ams", 2)]).await;
    let r2 = target("r2", &[("device r2", 1), ("site ams", 2)]).await;
    let r3 = target("r3", &[("device r3", 1), ("site ams", 2)]).await;
    let elsewhere = target("r4", &[("device r4", 1), ("site lon", 2)]).await;
    let first = soon(&limits, &r1).await.expect("nobody is there");
    assert!(soon(&limits.clone(), &r1).await.is_none(), "the device has one login already");
    let second = soon(&limits, &r2).await.expect("the site has room");
    assert!(soon(&limits, &r3).await.is_none(), "the site has two logins already");
    assert!(soon(&limits, &elsewhere).await.is_some() && soon(&limits, &elsewhere).await.is_some());
    // somebody who gave up does not take a turn with him
    drop(first);
    assert!(soon(&limits, &r3).await.is_some());
    let third = soon(&limits, &r1).await.expect("the device is free again");
    drop((second, third));
    assert!(soon(&limits, &r3).await.is_some());
    assert!(soon(&limits, &target("r5", &[]).await).await.is_some(), "no limit");
}
