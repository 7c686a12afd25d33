//! The policy of an instance towards an advert that is well formed: by its configuration alone, so
//! that `ringwardc decode` judges a capture by the same rules.

use core::net::IpAddr;

use crate::addr::Version;
use crate::config::model::{Authentication, Config, Instance};
use crate::time::Span;
use crate::trace::Mismatch;
use crate::wire::Reject;
use crate::wire::vrrp::{Advert, Auth, Datagram};

/// Whether `instance` of `config` takes this advert into account. `local` is the instance's own
/// address, where it is known; its VRID and family have been found to be the advert's.
pub fn judge(
    config: &Config,
    instance: &Instance,
    local: Option<IpAddr>,
    datagram: &Datagram<'_>,
) -> Result<(), Reject> {
    let advert = &datagram.advert;
    if advert.version != instance.version {
        return Err(Reject::Version);
    }
    let peers = config.peers_of(instance);
    if datagram.destination.is_multicast() != peers.is_empty() {
        return Err(Reject::Destination);
    }
    if Some(datagram.source) == local {
        return Err(Reject::OwnAddress);
    }
    if !peers.is_empty() && !peers.contains(&datagram.source) {
        return Err(Reject::UnknownPeer);
    }
    if instance.version == Version::V2 {
        judge_version_2(instance, advert.auth, advert.interval)?;
    }
    Ok(())
}

/// What version 2 checks besides (RFC 3768 §7.1): authentication type and data, and the interval,
/// which all routers must have in common.
fn judge_version_2(instance: &Instance, auth: Auth<'_>, interval: Span) -> Result<(), Reject> {
    let is_ours = match (&instance.authentication, auth) {
        (Authentication::None, Auth::None) => true,
        (Authentication::Password(password), Auth::Password(_)) => auth.password_matches(password),
        (Authentication::Header(key), Auth::Header(header)) => header.is_authentic(key),
        (Authentication::None | Authentication::Password(_) | Authentication::Header(_), _) => {
            return Err(Reject::AuthType);
        }
    };
    if !is_ours {
        return Err(Reject::Password);
    }
    if interval != instance.interval {
        return Err(Reject::Interval);
    }
    Ok(())
}

/// What of an accepted advert differs from the configuration; of a resignation nothing does.
pub fn mismatch(config: &Config, instance: &Instance, advert: &Advert<'_>) -> Option<Mismatch> {
    if advert.priority.is_resigning() {
        return None;
    }
    let addresses = config.addresses_of(instance);
    let advertised = addresses.get(..usize::from(instance.advertised)).unwrap_or(&[]);
    // In order is the usual case, and cheap; another order is no difference.
    let same = advert.addresses.len() == advertised.len()
        && (advert.addresses.iter().eq(advertised.iter().map(|address| address.ip))
            || advert.addresses.iter().all(|ip| advertised.iter().any(|address| address.ip == ip)));
    if !same {
        Some(Mismatch::Addresses)
    } else if advert.interval != instance.interval {
        Some(Mismatch::Interval)
    } else {
        None
    }
}
