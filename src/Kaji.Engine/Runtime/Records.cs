using System.Text.Json.Serialization;

namespace Kaji.Engine.Runtime;

/// <summary>A sandbox as its file says.</summary>
internal sealed record SandboxRecord
{
    public required SandboxConfig Config { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string BootId { get; init; }

    public SandboxState State { get; init; }

    public IReadOnlyList<string> IPs { get; init; } = [];

    /// <summary>Process 1 of a shared process namespace; 0 for none.</summary>
    public int HolderPid { get; init; }

    public long HolderStart { get; init; }

    public SandboxInfo ToInfo() => new(Config.Id, State, IPs, CreatedAt, Config.Labels);
}

/// <summary>A container as its file says.</summary>
internal sealed record ContainerRecord
{
    public required ContainerInfo Info { get; init; }

    public required string BootId { get; init; }

    public required string CgroupPath { get; init; }

    /// <summary>When process <see cref="ContainerInfo.Pid"/> started, in ticks since boot; with it the number means one process.</summary>
    public long PidStart { get; init; }

    public string? StopSignal { get; init; }

    public bool Tty { get; init; }

    public bool Stdin { get; init; }

    /// <summary>Why there is no process to start.</summary>
    public string? StartError { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(SandboxRecord))]
[JsonSerializable(typeof(ContainerRecord))]
internal sealed partial class RecordJson : JsonSerializerContext;
