//! The one table of the language: every keyword that keepalived 2.4.3 installs, where it may
//! stand, what follows it, and what ringward makes of it.
//!
//! To build a keyword: change its status in [`table`], add its arm in `lower`, and its value in
//! `explain`. A keyword that is `Built` and has no arm fails a test.

mod page;
mod table;

use super::nearest::nearest;
pub use page::page;
pub use table::KEYWORDS;

/// What ringward makes of a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It does what keepalived does.
    Built,
    /// It is accepted and means nothing here; why.
    Note(&'static str),
    /// It is an error until it is built.
    Later,
    /// It is an error for good; what to do instead.
    Never(&'static str),
}

impl Status {
    /// `built`, `note`, `later`, `never`.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Built => "built",
            Status::Note(_) => "note",
            Status::Later => "later",
            Status::Never(_) => "never",
        }
    }
}

/// What follows a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Nothing: it stands for itself.
    Flag,
    /// One value.
    Value,
    /// Values, as many as there are.
    Values,
    /// A name or other values, and a block.
    Block(Block),
}

/// The blocks of keepalived.conf.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs, reason = "each is the block of the keyword in its name()")]
pub enum Block {
    Top,
    GlobalDefs,
    Instance,
    SyncGroup,
    Script,
    TrackFile,
    TrackProcess,
    Authentication,
    AuthHmac,
    GarpGroup,
    TrackGroup,
    Ssl,
    Bfd,
    VirtualServer,
    VirtualServerGroup,
    RealServer,
    HttpGet,
    Url,
    TcpCheck,
    SmtpCheck,
    SmtpHost,
    DnsCheck,
    MiscCheck,
    UdpCheck,
    PingCheck,
    BfdCheck,
    FileCheck,
    /// Lines of addresses.
    Addresses,
    /// Lines of unicast peers.
    Peers,
    /// Lines of something else that are no keywords: names, routes, rules.
    Lines,
}

impl Block {
    /// Whether a name follows its keyword.
    pub const fn is_named(self) -> bool {
        matches!(
            self,
            Block::Instance
                | Block::Script
                | Block::SyncGroup
                | Block::TrackFile
                | Block::TrackProcess
        )
    }

    /// What messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Block::Top => "the top level",
            Block::GlobalDefs => "global_defs",
            Block::Instance => "vrrp_instance",
            Block::SyncGroup => "vrrp_sync_group",
            Block::Script => "vrrp_script",
            Block::TrackFile => "track_file",
            Block::TrackProcess => "vrrp_track_process",
            Block::Authentication => "authentication",
            Block::AuthHmac => "auth_hmac",
            Block::GarpGroup => "garp_group",
            Block::TrackGroup => "track_group",
            Block::Ssl => "SSL",
            Block::Bfd => "bfd_instance",
            Block::VirtualServer => "virtual_server",
            Block::VirtualServerGroup => "virtual_server_group",
            Block::RealServer => "real_server",
            Block::HttpGet => "HTTP_GET",
            Block::Url => "url",
            Block::TcpCheck => "TCP_CHECK",
            Block::SmtpCheck => "SMTP_CHECK",
            Block::SmtpHost => "host",
            Block::DnsCheck => "DNS_CHECK",
            Block::MiscCheck => "MISC_CHECK",
            Block::UdpCheck => "UDP_CHECK",
            Block::PingCheck => "PING_CHECK",
            Block::BfdCheck => "BFD_CHECK",
            Block::FileCheck => "FILE_CHECK",
            Block::Addresses => "a list of addresses",
            Block::Peers => "unicast_peer",
            Block::Lines => "a list",
        }
    }

    /// Whether its lines are not keywords.
    pub const fn is_list(self) -> bool {
        matches!(self, Block::Addresses | Block::Peers | Block::Lines | Block::VirtualServerGroup)
    }
}

/// A keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keyword {
    /// As it is written.
    pub name: &'static str,
    /// What ringward makes of it.
    pub status: Status,
    /// The blocks that it may stand in.
    pub blocks: &'static [Block],
    /// What follows it.
    pub shape: Shape,
    /// What it is for.
    pub about: &'static str,
}

impl Keyword {
    /// The block that it opens.
    pub fn opens(&self) -> Option<Block> {
        match self.shape {
            Shape::Block(block) => Some(block),
            Shape::Flag | Shape::Value | Shape::Values => None,
        }
    }

    /// Whether it is about virtual servers and their checks only.
    pub fn is_of_servers(&self) -> bool {
        let opens = [Block::VirtualServer, Block::VirtualServerGroup, Block::Ssl];
        let is_global = self.is_in(Block::GlobalDefs)
            && (["lvs_", "checker_", "nftables_ipvs"]
                .iter()
                .any(|start| self.name.starts_with(start))
                || ["rs_init_notifies", "no_checker_emails", "smtp_alert_checker"]
                    .contains(&self.name));
        self.opens().is_some_and(|block| opens.contains(&block)) || is_global
    }

    /// Whether it may stand in `block`.
    pub fn is_in(&self, block: Block) -> bool {
        self.blocks.contains(&block)
    }
}

/// The keyword of this name. Where a name means different things, that of `block`.
pub fn find(name: &str, block: Block) -> Option<&'static Keyword> {
    let mut named = named(name);
    let first = named.next()?;
    if first.is_in(block) { Some(first) } else { named.find(|k| k.is_in(block)).or(Some(first)) }
}

/// All meanings of a name.
fn named(name: &str) -> impl Iterator<Item = &'static Keyword> {
    let first = usize::from(name.bytes().next().unwrap_or(0));
    let bounds = INITIALS.get(first).zip(INITIALS.get(first + 1));
    let of_initial = bounds.and_then(|(start, end)| KEYWORDS.get(*start..*end)).unwrap_or(&[]);
    let start = of_initial.partition_point(|keyword| keyword.name < name);
    of_initial.get(start..).unwrap_or(&[]).iter().take_while(move |keyword| keyword.name == name)
}

/// Where in [`KEYWORDS`] the names that begin with each octet begin.
#[expect(
    clippy::indexing_slicing,
    reason = "worked out by the compiler, which refuses what is outside"
)]
static INITIALS: [usize; 257] = {
    let mut initials = [0; 257];
    let mut octet = 0;
    let mut at = 0;
    while octet < initials.len() {
        while at < KEYWORDS.len() && (KEYWORDS[at].name.as_bytes()[0] as usize) < octet {
            at += 1;
        }
        initials[octet] = at;
        octet += 1;
    }
    initials
};

/// The keyword that was probably meant: one of `block` if one is near, else any.
pub fn propose(name: &str, block: Block) -> Option<&'static str> {
    let here = KEYWORDS.iter().filter(|keyword| keyword.is_in(block)).map(|keyword| keyword.name);
    let cut = || here.clone().find(|known| name.len() >= CUT_LEN_MIN && known.starts_with(name));
    nearest(name, here.clone())
        .or_else(cut)
        .or_else(|| nearest(name, KEYWORDS.iter().map(|keyword| keyword.name)))
}

/// So much of a keyword tells what was meant.
const CUT_LEN_MIN: usize = 6;

/// The keyword that means in `block` what `name` means elsewhere: settings of instances have a
/// `vrrp_` before them in global_defs.
pub fn twin(name: &str, block: Block) -> Option<&'static str> {
    let twin = match name.strip_prefix("vrrp_") {
        Some(bare) => bare.to_owned(),
        None => format!("vrrp_{name}"),
    };
    named(&twin).find(|keyword| keyword.is_in(block)).map(|keyword| keyword.name)
}

/// What to do about a keyword that is not built yet, where there is something better to do than to
/// wait.
pub fn cure(name: &str) -> Option<&'static str> {
    match name {
        // keepalived.conf(5): strict mode implies no_accept for whoever does not own the addresses.
        "vrrp_strict" | "strict_mode" => Some(
            "remove it on all routers: it came along with a tutorial, and keepalived then drops packets to the addresses",
        ),
        "nb_get_retry" => Some("write `retry`"),
        "virtual_server" => Some("`--only vrrp` compiles the file without its virtual servers"),
        "vrrp_vmac_garp_intvl" => Some("write `vrrp_garp_extra_if`"),
        "vmac_garp_intvl" => Some("write `garp_extra_if`"),
        "use_vmac" | "use_vmac_addr" | "vmac_xmit_base" | "use_ipvlan" => Some(
            "remove it: the addresses have the MAC address of their interface, and hosts are told of it by announcements",
        ),
        "smtp_alert" | "smtp_alert_vrrp" => Some("remove it, and send the mail from `notify`"),
        "virtual_routes" | "virtual_rules" => {
            Some("let `notify` add them in MASTER, and remove them in all other states")
        }
        "static_ipaddress" | "static_routes" | "static_rules" => {
            Some("configure them where the system configures its interfaces")
        }
        "track_bfd" | "bfd_instance" => {
            Some("track a vrrp_script with `builtin \"ping ADDRESS\"` instead")
        }
        "no_accept" | "nftables" => Some(
            "remove it, and drop packets to the addresses in the firewall of the system, if they must be",
        ),
        "unicast_ttl" => Some("remove it: unicast adverts leave with TTL 255"),
        "vrrp_mcast_group4" => Some("remove it on all routers: the group is 224.0.0.18"),
        "vrrp_mcast_group6" => Some("remove it on all routers: the group is ff02::12"),
        "promote_secondaries" => {
            Some("remove it, and set net.ipv4.conf.INTERFACE.promote_secondaries by sysctl")
        }
        "lower_prio_no_advert" => {
            Some("remove it: at most one advert an interval is such an answer")
        }
        "higher_prio_send_advert" => Some("remove it: the better master says so by itself"),
        "global_tracking" => Some("write `sync_group_tracking_weight`, or remove it"),
        _ => None,
    }
}

/// What to do about a keyword that versions of keepalived before 2.0 had, and tutorials still have.
pub fn retired(name: &str) -> Option<&'static str> {
    match name {
        "lvs_id" => Some("write `router_id`"),
        "nat_mask" => Some("remove it: nothing took its place"),
        "enable_snmp" => Some("remove it: there is no SNMP agent"),
        "sync_instance" => Some("make a vrrp_sync_group"),
        "advert_interval" => Some("write `advert_int`"),
        "lvs_sync_daemon_inteface" | "lvs_sync_daemon_inerface" => {
            Some("write `lvs_sync_daemon` in global_defs")
        }
        "vrrp_iproute" | "vrrp_static_routes" => Some("write `static_routes`"),
        _ => None,
    }
}

/// The keyword that `word` begins with, and what follows it, where that cannot be a part of a
/// keyword: `priority100`.
pub fn split_glued(word: &str, block: Block) -> Option<(&'static str, &str)> {
    KEYWORDS
        .iter()
        .filter(|keyword| keyword.is_in(block) && keyword.shape != Shape::Flag)
        .filter_map(|keyword| Some((keyword.name, word.strip_prefix(keyword.name)?)))
        .filter(|(_, rest)| {
            rest.starts_with(|c: char| c.is_ascii_digit() || "=:./,-".contains(c))
                || ["MASTER", "BACKUP", "PASS", "AH"].contains(rest)
        })
        .max_by_key(|(name, _)| name.len())
}

#[cfg(test)]
mod tests;
