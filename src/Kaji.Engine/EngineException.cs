namespace Kaji.Engine;

/// <summary>Why the engine could not do what it was asked.</summary>
public enum EngineFault
{
    Unknown,
    ImageNotFound,
    ImageUnauthorized,
    ImageInvalid,
    RegistryUnreachable,
    CommandNotFound,
    RunsAsRoot,
    NotFound,
    DiskFull,
    Missing,
    PortTaken,
    Invalid,
}

/// <summary>A sentence a person can act on, with a fault for code.</summary>
public sealed class EngineException : Exception
{
    public EngineException(EngineFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    public EngineFault Fault { get; }
}
