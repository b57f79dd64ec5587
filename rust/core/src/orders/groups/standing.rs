//! Which leg of a group stands at a venue where one may at a time.

use super::{Group, GroupAct};
use crate::orders::identity::OrderId;
use crate::orders::order::{Order, OrderStatus};

/// Who stands at a venue where one leg may at a time.
pub(super) struct Place {
    /// The place of the leg that does, or is to.
    pub(super) lead: Option<usize>,
    /// Whether nothing else is to be sent: one has yet to leave, or takes all there is.
    pub(super) is_leaving: bool,
    /// What is to be done first.
    pub(super) act: Option<GroupAct>,
}

impl Group {
    /// An order of it that the kernel keeps was set off: it is to stand at the venue, one after the other.
    pub fn set_off(&mut self, order: OrderId) {
        let at = self.members.iter().position(|member| member.order() == Some(order));
        if !self.is_set_off && at.is_some() {
            (self.lead, self.is_set_off) = (at, true);
        }
    }

    /// The leg that is to stand at the venue: the one that does, else a stop, else the first that could.
    fn leader(&self, stands: u64) -> Option<usize> {
        let is_over = |at: usize| self.members.get(at).is_none_or(|member| member.is_over);
        let could = |at: usize| at < 64 && stands >> at & 1 == 1 && !is_over(at);
        let places = || (0..self.members.len()).filter(|at| could(*at));
        let stop = || places().find(|at| self.members[*at].request.trigger.is_some());
        let stays = self.lead.filter(|at| could(*at) || (self.is_set_off && !is_over(*at)));
        stays.or_else(stop).or_else(|| places().next())
    }

    /// Has one leg stand at the venue, and none besides.
    pub(super) fn take_place<'a>(
        &mut self,
        stands: u64,
        open: i64,
        order_of: impl Fn(OrderId) -> Option<&'a Order>,
    ) -> Place {
        let lead = self.leader(stands);
        if lead != self.lead || lead.is_none_or(|at| !self.members[at].is_open) {
            (self.lead, self.is_set_off) = (lead, false);
        }
        let mut place = Place { lead, is_leaving: false, act: None };
        for (at, member) in self.members.iter_mut().enumerate() {
            let Some(id) = member.order().filter(|_| member.role.is_leg() && lead != Some(at)) else {
                continue;
            };
            let Some(order) = order_of(id).filter(|order| order.is_venues()) else { continue };
            place.is_leaving = true;
            let is_known = !matches!(order.status(), OrderStatus::PendingNew | OrderStatus::Unknown);
            let takes = order.price().is_none() && !order.waits_for_trigger();
            if order.is_changeable() && is_known && !takes {
                member.is_resent = true;
                return Place { act: Some(GroupAct::Cancel(id)), ..place };
            }
        }
        let Some(member) = lead.map(|at| &mut self.members[at]) else { return place };
        let Some((id, order)) = member.order().and_then(|id| Some((id, order_of(id)?))) else { return place };
        if !order.is_held {
            // What takes at the market leaves nothing to be kept.
            place.is_leaving |= order.price().is_none() && !order.waits_for_trigger();
            return place;
        }
        let is_free = !std::mem::replace(&mut place.is_leaving, true) && order.is_changeable();
        let asks_all = (order.intended().1 - order.filled).steps() == open;
        if is_free && self.is_set_off && asks_all {
            self.is_set_off = false;
            place.act = Some(GroupAct::Release(id));
        } else if is_free && !self.is_set_off {
            // It stands there as what it was asked to be.
            member.is_resent = true;
            place.act = Some(GroupAct::Cancel(id));
        }
        place
    }
}
