namespace Conclave.ZooKeeper.Wire;

/// <summary>ZooKeeper's error codes, with its names (<c>KeeperException.Code</c>): those that a server may send to us. Others are shown as numbers.</summary>
internal enum ErrorCode
{
    Ok = 0,
    SystemError = -1,
    MarshallingError = -5,
    Unimplemented = -6,
    OperationTimeout = -7,
    BadArguments = -8,
    NoNode = -101,
    NoAuth = -102,
    BadVersion = -103,
    NoChildrenForEphemerals = -108,
    NodeExists = -110,
    NotEmpty = -111,
    SessionExpired = -112,
    InvalidAcl = -114,
    AuthFailed = -115,
    SessionMoved = -118,
    NotReadOnly = -119,
    NoWatcher = -121,
    RequestTimeout = -122,
    SessionClosedRequireSaslAuth = -124,
    QuotaExceeded = -125,
    ThrottledOp = -127,
}
