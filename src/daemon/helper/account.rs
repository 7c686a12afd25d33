//! Users and groups, as /etc/passwd and /etc/group have them (passwd(5), group(5)). No other source
//! of accounts is asked: a router has none, and a look-up over the network would take time.

use crate::track::message::Refusal;

/// The user that commands run as which name none, where there is such a user.
const DEFAULT_USER: &str = "keepalived_script";

/// Whom a command runs as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
}

/// A user and a group by name or number; empty: the default user, the user's own group. None: there
/// is no default user, and none was named.
///
/// # Errors
/// There is no such user or group.
pub(super) fn find(
    (passwd, group): (&str, &str),
    (user, group_name): (&str, &str),
    supplementary: bool,
) -> Result<Option<Account>, Refusal> {
    let wanted = if user.is_empty() { DEFAULT_USER } else { user };
    let found = match user_of(passwd, wanted) {
        Some(found) => found,
        None if user.is_empty() => return Ok(None),
        None => {
            let uid = user.parse().map_err(|_| Refusal::UnknownUser)?;
            (uid, uid)
        }
    };
    let gid = match group_name {
        "" => found.1,
        name => group_of(group, name).or_else(|| name.parse().ok()).ok_or(Refusal::UnknownGroup)?,
    };
    let mut groups = vec![gid];
    if supplementary {
        groups.extend(groups_with(group, wanted).filter(|other| *other != gid));
    }
    Ok(Some(Account { uid: found.0, gid, groups }))
}

/// Number and group of a user.
fn user_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (known, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        if known == name { Some((uid.parse().ok()?, gid.parse().ok()?)) } else { None }
    })
}

fn group_of(group: &str, name: &str) -> Option<u32> {
    group.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (known, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
        if known == name { gid.parse().ok() } else { None }
    })
}

/// The groups that have this user as a member.
fn groups_with<'a>(group: &'a str, user: &'a str) -> impl Iterator<Item = u32> + 'a {
    group.lines().filter_map(move |line| {
        let mut fields = line.split(':').skip(2);
        let (gid, members) = (fields.next()?, fields.next()?);
        if members.split(',').any(|member| member == user) { gid.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nnobody:x:65534:65533::/:\n\
                          keepalived_script:x:100:101::/:/bin/false\n";
    const GROUP: &str = "root:x:0:\nadm:x:4:nobody,root\nnogroup:x:65533:\nlog:x:7:nobody\n";

    fn found(user: &str, group: &str, supplementary: bool) -> Option<(u32, u32, Vec<u32>)> {
        let account = find((PASSWD, GROUP), (user, group), supplementary).unwrap()?;
        Some((account.uid, account.gid, account.groups))
    }

    #[test]
    fn users_and_groups_are_found_by_name_and_number() {
        assert_eq!(found("nobody", "", false), Some((65534, 65533, vec![65533])));
        assert_eq!(found("nobody", "adm", false), Some((65534, 4, vec![4])));
        assert_eq!(found("nobody", "adm", true), Some((65534, 4, vec![4, 7])));
        assert_eq!(found("nobody", "", true), Some((65534, 65533, vec![65533, 4, 7])));
        assert_eq!(found("33", "34", false), Some((33, 34, vec![34])));
        assert_eq!(found("", "", false), Some((100, 101, vec![101])));
        assert_eq!(find(("", ""), ("", ""), false), Ok(None));
        assert_eq!(find((PASSWD, GROUP), ("brok", ""), false), Err(Refusal::UnknownUser));
        assert_eq!(find((PASSWD, GROUP), ("broken", ""), false), Err(Refusal::UnknownUser));
        assert_eq!(find((PASSWD, GROUP), ("root", "wheel"), false), Err(Refusal::UnknownGroup));
    }
}
