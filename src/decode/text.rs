//! Frames for people: one line each.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use super::Seen;
use super::frame::{Advert, Content, Pdu};
use super::verdict::{Outcome, Verdict, owner};
use crate::trace::Mismatch;
use crate::wire::Reject;
use crate::wire::arp::{Arp, Operation};
use crate::wire::ndisc::{Kind, Neighbour};
use crate::wire::vrrp::Auth;

/// The line of a frame, without its end.
pub(super) fn render(seen: &Seen<'_>, out: &mut String) -> fmt::Result {
    write!(out, "{:>5} ", seen.record.number)?;
    match seen.record.at {
        Some(at) => write!(out, "{} ", Moment(at))?,
        None => out.write_str("- ")?,
    }
    if let Some(link) = &seen.frame.link {
        match (link.source, link.destination) {
            (Some(source), Some(destination)) => write!(out, "{source} > {destination} ")?,
            (Some(source), None) => write!(out, "{source} ")?,
            (None, _) => {}
        }
        for vlan in &link.vlans {
            write!(out, "vlan {vlan} ")?;
        }
    }
    match &seen.frame.content {
        Content::Advert(advert) => {
            render_advert(advert, out)?;
            out.write_char(':')?;
            for (index, verdict) in seen.verdicts.iter().enumerate() {
                out.write_str(if index == 0 { " " } else { ", " })?;
                render_verdict(seen, *verdict, out)?;
            }
            Ok(())
        }
        Content::Arp(Some(arp)) => render_arp(seen, arp, out),
        Content::Arp(None) => out.write_str("ARP, but no request or reply for IPv4 over Ethernet"),
        Content::Neighbour(_, Some(neighbour)) => render_neighbour(seen, neighbour, out),
        Content::Neighbour(is_advertisement, None) => write!(
            out,
            "neighbour {} that every host ignores: its hop limit, code, checksum or options",
            if *is_advertisement { "advertisement" } else { "solicitation" },
        ),
        Content::Other => Ok(()),
    }
}

fn render_advert(advert: &Advert<'_>, out: &mut String) -> fmt::Result {
    out.write_str("VRRP")?;
    if let Some((source, destination, ttl)) = advert.envelope {
        write!(out, " {source} > {destination} ttl {ttl}")?;
    }
    let Some(pdu) = &advert.pdu else { return Ok(()) };
    write!(out, " v{}", pdu.version)?;
    if pdu.kind != 1 {
        write!(out, " type {}", pdu.kind)?;
    }
    write!(out, " vrid {} priority {} interval {}", pdu.vrid, pdu.priority, interval(pdu))?;
    if pdu.version == 2 {
        match pdu.auth_type {
            0 => out.write_str(" auth none")?,
            1 => out.write_str(" auth password ********")?,
            other => match advert.dissected.map(|datagram| datagram.advert.auth) {
                Ok(Auth::Header(header)) => {
                    let spi = Ipv4Addr::from(header.spi);
                    write!(out, " auth AH spi {spi} sequence {}", header.sequence)?;
                }
                Ok(Auth::None | Auth::Password(_) | Auth::Other(_)) | Err(_) => {
                    write!(out, " auth type {other}")?;
                }
            },
        }
    }
    let checksum = pdu.checksum.map(|checksum| format!(" {checksum:#06x}"));
    let is = match advert.dissected {
        Ok(datagram) => Some(datagram.advert.checksum.text()),
        Err(rejected) => (rejected.reason == Reject::Checksum).then_some("wrong"),
    };
    if checksum.is_some() || is.is_some() {
        write!(out, " checksum{}", checksum.unwrap_or_default())?;
    }
    if let Some(is) = is {
        write!(out, " ({is})")?;
    }
    write!(out, " addresses {}", pdu.count)?;
    // A verified list is also one in front of padding.
    match advert.dissected {
        Ok(datagram) => datagram.advert.addresses.iter().try_for_each(|ip| write!(out, " {ip}")),
        Err(_) => pdu.addresses.iter().try_for_each(|ip| write!(out, " {ip}")),
    }
}

/// The interval, with the unit of its version.
fn interval(pdu: &Pdu) -> String {
    let Pdu { version, interval, .. } = pdu;
    match version {
        2 => format!("{interval} s"),
        _ => format!("{}.{:02} s", interval / 100, interval % 100),
    }
}

fn render_verdict(seen: &Seen<'_>, verdict: Verdict, out: &mut String) -> fmt::Result {
    match verdict.outcome {
        Outcome::WellFormed => out.write_str("well formed")?,
        Outcome::Accepted(_) => out.write_str("accepted")?,
        Outcome::Rejected(reason) => write!(out, "rejected {}", reason.name())?,
        Outcome::Cut => out.write_str("cut by the capture, not judged")?,
        Outcome::Dropped => out.write_str("dropped by any kernel, IPv4 header checksum")?,
    }
    let instance = verdict.instance.and_then(|index| seen.config?.instances.get(index));
    if let Some(instance) = instance {
        write!(out, " by {}", instance.name)?;
    }
    match verdict.outcome {
        Outcome::Accepted(Some(Mismatch::Addresses)) => out.write_str(", other addresses"),
        Outcome::Accepted(Some(Mismatch::Interval)) => out.write_str(", another interval"),
        Outcome::Accepted(None) | Outcome::WellFormed => Ok(()),
        Outcome::Rejected(_) | Outcome::Cut | Outcome::Dropped => Ok(()),
    }
}

fn render_arp(seen: &Seen<'_>, arp: &Arp, out: &mut String) -> fmt::Result {
    let operation = match arp.operation {
        Operation::Request => "request",
        Operation::Reply => "reply",
    };
    write!(
        out,
        "ARP {operation} sender {} {} target {} {}",
        arp.sender_ip, arp.sender_mac, arp.target_ip, arp.target_mac
    )?;
    if arp.is_gratuitous() {
        out.write_str(" gratuitous")?;
    }
    render_owner(seen, arp.sender_ip.into(), out)
}

fn render_neighbour(seen: &Seen<'_>, neighbour: &Neighbour, out: &mut String) -> fmt::Result {
    let (name, flags) = match neighbour.kind {
        Kind::Solicitation => ("solicitation", [(false, ""); 3]),
        Kind::Advertisement { router, solicited, overrides } => (
            "advertisement",
            [(router, " router"), (solicited, " solicited"), (overrides, " override")],
        ),
    };
    write!(out, "neighbour {name} {} > {}", neighbour.source, neighbour.destination)?;
    write!(out, " target {}", neighbour.target)?;
    if let Some(mac) = neighbour.mac {
        write!(out, " mac {mac}")?;
    }
    for (_, flag) in flags.into_iter().filter(|(is_set, _)| *is_set) {
        out.write_str(flag)?;
    }
    render_owner(seen, neighbour.target.into(), out)
}

fn render_owner(seen: &Seen<'_>, ip: std::net::IpAddr, out: &mut String) -> fmt::Result {
    match owner(seen.config, ip) {
        Some((name, vrid)) => write!(out, ": an address of {name} (vrid {vrid})"),
        None => Ok(()),
    }
}

/// Nanoseconds since 1970 as RFC 3339 writes them, in UTC.
struct Moment(u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (mut days, secs) = (secs / 86_400, secs % 86_400);
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut year = 1970;
        while let Some(rest) = days.checked_sub(if is_leap(year) { 366 } else { 365 }) {
            (year, days) = (year + 1, rest);
        }
        let february = if is_leap(year) { 29 } else { 28 };
        let mut month = 1;
        for len in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            let Some(rest) = days.checked_sub(len) else { break };
            (month, days) = (month + 1, rest);
        }
        let (day, hour, minute, second) = (days + 1, secs / 3600, secs / 60 % 60, secs % 60);
        write!(f, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn moments_are_written_as_date_writes_them() {
        // date -u -d @N +%FT%TZ
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_795_205_513, "2026-11-20T20:11:53.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
            (4_294_967_295, "2106-02-07T06:28:15.000000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000000Z"),
        ] {
            assert_eq!(Moment(secs * 1_000_000_000).to_string(), expected);
        }
        assert_eq!(Moment(1).to_string(), "1970-01-01T00:00:00.000000001Z");
    }
}
