"""All tables: what the bot remembers. Each file of this folder is one subject; import from here."""

from db.models.base import Base
from db.models.deployment import ClockRun, DeploymentFact, Erasure
from db.models.messages import (
    OPEN_DELIVERY_STATES,
    Account,
    Delivery,
    DeliveryKind,
    DeliveryState,
    InboxEvent,
    InboxState,
)
from db.models.officers import Role, RoleGrant, SecondFactor, SignInCode, Throttle
from db.models.organisation import ListTransfer, Reorganisation, Unit, UnitLevel, UnitPeriod
from db.models.people import (
    OPEN_APPLICATION_STATES,
    Application,
    ApplicationState,
    EndReason,
    LinkCode,
    Membership,
    NameToken,
    Person,
)
from db.models.privacy import Consent, DataRequest, DataRequestKind, MergeProposal, NoUnionInterest, PersonalRead
from db.models.talks import Conversation, Feedback, OfficerRequest, UnansweredQuestion, Verdict
from db.models.usage import AccountDay
from db.models.zalo_oa import ZaloFollower, ZaloReceipt, ZaloTokens

__all__ = [
    "OPEN_APPLICATION_STATES",
    "OPEN_DELIVERY_STATES",
    "Account",
    "AccountDay",
    "Application",
    "ApplicationState",
    "Base",
    "ClockRun",
    "Consent",
    "Conversation",
    "DataRequest",
    "DataRequestKind",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "DeploymentFact",
    "EndReason",
    "Erasure",
    "Feedback",
    "InboxEvent",
    "InboxState",
    "LinkCode",
    "ListTransfer",
    "Membership",
    "MergeProposal",
    "NameToken",
    "NoUnionInterest",
    "OfficerRequest",
    "Person",
    "PersonalRead",
    "Reorganisation",
    "Role",
    "RoleGrant",
    "SecondFactor",
    "SignInCode",
    "Throttle",
    "UnansweredQuestion",
    "Unit",
    "UnitLevel",
    "UnitPeriod",
    "Verdict",
    "ZaloFollower",
    "ZaloReceipt",
    "ZaloTokens",
]
