using System.Diagnostics;
using Kaji.Linux.Cgroups;

namespace Kaji.Node.Tests;

/// <summary>Real processes in real cgroups below one of their own, as a node's Pods have them.</summary>
internal sealed class CgroupProcesses : IDisposable
{
    private readonly List<Process> _processes = [];
    private readonly List<Cgroup> _cgroups = [];

    public string Parent { get; } = $"/kaji-node-test-{Environment.ProcessId}-{Guid.NewGuid():N}";

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        _cgroups.ForEach(c => c.Remove());
        new Cgroup(CgroupLayout.Detect(), Parent).Remove();
    }

    public Process Start()
    {
        var process = Process.Start(new ProcessStartInfo("sleep", "600"))!;
        _processes.Add(process);
        return process;
    }

    public Process StartIn(string pod)
    {
        var process = Start();
        var layout = CgroupLayout.Detect();
        var cgroup = new Cgroup(layout, $"{Parent}/{pod}");
        cgroup.Create();
        _cgroups.Add(cgroup);

        // The one by which the guard kills comes last: what it kills can't be moved any more.
        foreach (var mount in layout.IsV2 ? [CgroupLayout.Root] : layout.Controllers.Values.Distinct().OrderBy(m => m == layout.Controllers.GetValueOrDefault("pids")).ToArray())
        {
            var file = $"{mount}{Parent}/{pod}/cgroup.procs";
            if (File.Exists(file))
            {
                File.WriteAllText(file, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        return process;
    }
}
