//! Frames for machines: one JSON document a line. Absent is what a frame does not have; times are
//! seconds since 1970 with nine decimals, intervals milliseconds.

use std::fmt::{self, Write};

use super::Seen;
use super::frame::{Advert, Content};
use super::verdict::{Outcome, Verdict, owner};
use crate::status::Quoted;
use crate::trace::Mismatch;
use crate::wire::Reject;
use crate::wire::arp::Operation;
use crate::wire::ndisc::Kind;

/// The document of a frame, without the end of its line.
pub(super) fn render(seen: &Seen<'_>, out: &mut String) -> fmt::Result {
    write!(out, "{{\"number\":{}", seen.record.number)?;
    if let Some(at) = seen.record.at {
        write!(out, ",\"time\":{}.{:09}", at / 1_000_000_000, at % 1_000_000_000)?;
    }
    if let Some(link) = &seen.frame.link {
        if let Some(mac) = link.source {
            write!(out, ",\"source_mac\":\"{mac}\"")?;
        }
        if let Some(mac) = link.destination {
            write!(out, ",\"destination_mac\":\"{mac}\"")?;
        }
        list(out, "vlans", link.vlans.iter())?;
    }
    match &seen.frame.content {
        Content::Advert(advert) => render_advert(seen, advert, out)?,
        Content::Arp(arp) => {
            out.write_str(",\"protocol\":\"arp\"")?;
            if let Some(arp) = arp {
                let operation = match arp.operation {
                    Operation::Request => "request",
                    Operation::Reply => "reply",
                };
                write!(
                    out,
                    ",\"operation\":\"{operation}\",\"gratuitous\":{},\"sender\":\"{}\",\
                     \"sender_mac\":\"{}\",\"target\":\"{}\",\"target_mac\":\"{}\"",
                    arp.is_gratuitous(),
                    arp.sender_ip,
                    arp.sender_mac,
                    arp.target_ip,
                    arp.target_mac,
                )?;
                render_owner(seen, arp.sender_ip.into(), out)?;
            }
        }
        Content::Neighbour(is_advertisement, neighbour) => {
            let kind = if *is_advertisement { "advertisement" } else { "solicitation" };
            write!(out, ",\"protocol\":\"ndisc\",\"operation\":\"{kind}\"")?;
            if let Some(neighbour) = neighbour {
                write!(
                    out,
                    ",\"source\":\"{}\",\"destination\":\"{}\",\"target\":\"{}\"",
                    neighbour.source, neighbour.destination, neighbour.target
                )?;
                if let Some(mac) = neighbour.mac {
                    write!(out, ",\"mac\":\"{mac}\"")?;
                }
                if let Kind::Advertisement { router, solicited, overrides } = neighbour.kind {
                    write!(
                        out,
                        ",\"router\":{router},\"solicited\":{solicited},\"override\":{overrides}"
                    )?;
                }
                render_owner(seen, neighbour.target.into(), out)?;
            }
        }
        Content::Other => {}
    }
    out.write_char('}')
}

fn render_advert(seen: &Seen<'_>, advert: &Advert<'_>, out: &mut String) -> fmt::Result {
    out.write_str(",\"protocol\":\"vrrp\"")?;
    if let Some((source, destination, ttl)) = advert.envelope {
        write!(out, ",\"source\":\"{source}\",\"destination\":\"{destination}\",\"ttl\":{ttl}")?;
    }
    if let Some(pdu) = &advert.pdu {
        let unit = if pdu.version == 2 { 1_000 } else { 10 };
        write!(
            out,
            ",\"version\":{},\"type\":{},\"vrid\":{},\"priority\":{},\"interval_ms\":{}",
            pdu.version,
            pdu.kind,
            pdu.vrid,
            pdu.priority,
            u32::from(pdu.interval) * unit,
        )?;
        if pdu.version == 2 {
            write!(out, ",\"auth_type\":{}", pdu.auth_type)?;
        }
        if let Some(checksum) = pdu.checksum {
            write!(out, ",\"checksum\":{checksum}")?;
        }
        match advert.dissected {
            Ok(datagram) => {
                let flavour = datagram.advert.checksum.text();
                write!(out, ",\"checksum_is\":{}", Quoted(flavour))?;
            }
            Err(rejected) if rejected.reason == Reject::Checksum => {
                out.write_str(",\"checksum_is\":\"wrong\"")?;
            }
            Err(_) => {}
        }
        write!(out, ",\"address_count\":{}", pdu.count)?;
        match advert.dissected {
            Ok(datagram) => strings(out, "addresses", datagram.advert.addresses.iter())?,
            Err(_) => strings(out, "addresses", pdu.addresses.iter())?,
        }
    }
    out.write_str(",\"verdicts\":[")?;
    for (index, verdict) in seen.verdicts.iter().enumerate() {
        out.write_str(if index == 0 { "{" } else { ",{" })?;
        render_verdict(seen, *verdict, out)?;
        out.write_char('}')?;
    }
    out.write_char(']')
}

fn render_verdict(seen: &Seen<'_>, verdict: Verdict, out: &mut String) -> fmt::Result {
    let (name, detail) = match verdict.outcome {
        Outcome::WellFormed => ("well-formed", None),
        Outcome::Accepted(None) => ("accepted", None),
        Outcome::Accepted(Some(Mismatch::Addresses)) => {
            ("accepted", Some(("differs", "addresses")))
        }
        Outcome::Accepted(Some(Mismatch::Interval)) => ("accepted", Some(("differs", "interval"))),
        Outcome::Rejected(reason) => ("rejected", Some(("reason", reason.name()))),
        Outcome::Cut => ("cut", None),
        Outcome::Dropped => ("dropped", Some(("reason", "ip-header-checksum"))),
    };
    write!(out, "\"verdict\":\"{name}\"")?;
    if let Some((key, value)) = detail {
        write!(out, ",\"{key}\":\"{value}\"")?;
    }
    match verdict.instance.and_then(|index| seen.config?.instances.get(index)) {
        Some(instance) => write!(out, ",\"instance\":{}", Quoted(&instance.name)),
        None => Ok(()),
    }
}

fn render_owner(seen: &Seen<'_>, ip: std::net::IpAddr, out: &mut String) -> fmt::Result {
    match owner(seen.config, ip) {
        Some((name, _)) => write!(out, ",\"instance\":{}", Quoted(name)),
        None => Ok(()),
    }
}

fn strings(out: &mut String, key: &str, items: impl Iterator<Item: fmt::Display>) -> fmt::Result {
    list(out, key, items.map(|item| format!("\"{item}\"")))
}

fn list(out: &mut String, key: &str, items: impl Iterator<Item: fmt::Display>) -> fmt::Result {
    write!(out, ",\"{key}\":[")?;
    for (index, item) in items.enumerate() {
        out.write_str(if index == 0 { "" } else { "," })?;
        write!(out, "{item}")?;
    }
    out.write_char(']')
}
