//! Whose a group is: whether rights that it has on a store are somebody else's.
//!
//! A Kubernetes volume with `fsGroup` gives everything in it to a group at each mount, and the right to
//! write; the group is a number that the pod's processes alone have. Elsewhere a user's own group does
//! no harm either, and that of root has root in it. Any other group is for several people.

use rustix::process::{getegid, geteuid, getgroups};

use super::system::{GroupEntry, group_entry, user_name};

/// Whether nobody but root and the effective user is in a group, as far as the system knows:
///
/// - root's, unless somebody else is listed in it;
/// - one that bears the user's own name, unless somebody else is listed in it;
/// - one without a name, which this process has.
pub(in crate::store) fn is_ours(gid: u32) -> bool {
    let Some(entry) = group_entry(gid) else { return false };
    let Some(GroupEntry { name, members }) = entry else { return is_of_this_process(gid) };
    let user = user_name(geteuid().as_raw());
    let is_user = |name: &[u8]| user.as_deref() == Some(name);
    (gid == 0 || is_user(&name)) && members.iter().all(|name| name == b"root" || is_user(name))
}

fn is_of_this_process(gid: u32) -> bool {
    getegid().as_raw() == gid
        || getgroups().is_ok_and(|groups| groups.iter().any(|group| group.as_raw() == gid))
}
