using System.Globalization;
using System.Runtime.InteropServices;

namespace Kaji.Node.Registration;

/// <summary>What this machine has.</summary>
internal sealed record NodeFacts(int Cpus, long MemoryBytes, long DiskBytes, string KernelVersion, string OsImage, string MachineId, string BootId, string Architecture)
{
    public static NodeFacts Read(string dataDirectory)
    {
        var memory = File.ReadLines("/proc/meminfo").First(l => l.StartsWith("MemTotal:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        var os = File.Exists("/etc/os-release")
            ? File.ReadLines("/etc/os-release").FirstOrDefault(l => l.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?["PRETTY_NAME=".Length..].Trim('"') ?? "Linux"
            : "Linux";
        return new NodeFacts(
            Environment.ProcessorCount,
            long.Parse(memory, CultureInfo.InvariantCulture) * 1024,
            new DriveInfo(dataDirectory).TotalSize,
            File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            os,
            File.Exists("/etc/machine-id") ? File.ReadAllText("/etc/machine-id").Trim() : "",
            File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
            RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64");
    }
}
