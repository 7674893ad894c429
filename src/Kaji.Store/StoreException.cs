namespace Kaji.Store;

/// <summary>The store cannot do its work: the disk is full, the file is corrupt, of a newer version, or in use. The message says which and what to do.</summary>
public sealed class StoreException : Exception
{
    public StoreException(StoreFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>What is wrong.</summary>
    public StoreFault Fault { get; }
}

/// <summary>The kinds of <see cref="StoreException"/>.</summary>
public enum StoreFault
{
    /// <summary>No space left, or a quota.</summary>
    Full,

    /// <summary>The file fails its checks.</summary>
    Corrupt,

    /// <summary>Written by a newer Kaji.</summary>
    NewerVersion,

    /// <summary>Another process has it open.</summary>
    InUse,

    /// <summary>Permissions or I/O errors.</summary>
    Unreadable,
}
