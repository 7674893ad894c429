namespace Kaji.Cel;

/// <summary>The kinds of types that the checker tells apart.</summary>
public enum CelTypeKind
{
    Dyn,
    Error,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Type,
    List,
    Map,
    Object,
    Optional,
    Named,
    Parameter,
}

/// <summary>What two lists of a schema mean when they are compared or added (x-kubernetes-list-type).</summary>
public enum CelListKind
{
    Atomic,
    Set,
    Map,
}
