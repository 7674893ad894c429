using System.Globalization;
using System.Net;
using Kaji.Network.Addresses;

namespace Kaji.Network.Pods;

/// <summary>A sandbox's address and what is forwarded to it.</summary>
internal sealed record Allocation(string SandboxId, IPAddress Address, IReadOnlyList<HostPort> HostPorts);

/// <summary>
/// Who has which address. Round robin, so that an address just given back is not at once another Pod's. Kept as one small file a sandbox (first line the
/// address, then <c>HOSTPORT CONTAINERPORT PROTOCOL HOSTIP</c> lines), replaced atomically; it need not outlive a power failure, since sandboxes don't.
/// Not safe for threads: the network's lock guards it.
/// </summary>
internal sealed class AddressPool
{
    private readonly string _directory;
    private readonly uint _first;
    private readonly uint _last;
    private readonly Dictionary<string, Allocation> _bySandbox = new(StringComparer.Ordinal);
    private readonly HashSet<uint> _taken = [];
    private uint _next;

    public AddressPool(string directory, IPNetwork range)
    {
        _directory = directory;
        _first = Ipv4.ToNumber(range.BaseAddress) + 2;
        _last = Ipv4.ToNumber(range.BaseAddress) + Ipv4.Size(range) - 2;
        _next = _first;
        Directory.CreateDirectory(directory);
        foreach (var file in new DirectoryInfo(directory).GetFiles().OrderBy(f => f.LastWriteTimeUtc))
        {
            if (Parse(file) is { } allocation && allocation.Address is var address && Ipv4.ToNumber(address) is var number && number >= _first && number <= _last && _taken.Add(number))
            {
                _bySandbox[allocation.SandboxId] = allocation;
                _next = number == _last ? _first : number + 1;
            }
            else
            {
                file.Delete();
            }
        }
    }

    public IReadOnlyCollection<Allocation> All => _bySandbox.Values;

    public Allocation? Find(string sandboxId) => _bySandbox.GetValueOrDefault(sandboxId);

    public Allocation Allocate(string sandboxId, IReadOnlyList<HostPort> hostPorts)
    {
        if (_taken.Count > _last - _first)
        {
            throw new InvalidOperationException($"No Pod address is free: all {_taken.Count} of {Ipv4.FromNumber(_first)}-{Ipv4.FromNumber(_last)} are in use.");
        }

        while (_taken.Contains(_next))
        {
            _next = _next == _last ? _first : _next + 1;
        }

        var allocation = new Allocation(sandboxId, Ipv4.FromNumber(_next), hostPorts);
        var lines = hostPorts.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Port} {p.ContainerPort} {p.Protocol} {p.HostIP}"));
        var path = PathOf(sandboxId);
        File.WriteAllLines(path + ".tmp", [allocation.Address.ToString(), .. lines]);
        File.Move(path + ".tmp", path, overwrite: true);
        _taken.Add(_next);
        _bySandbox[sandboxId] = allocation;
        _next = _next == _last ? _first : _next + 1;
        return allocation;
    }

    public Allocation? Release(string sandboxId)
    {
        if (!_bySandbox.Remove(sandboxId, out var allocation))
        {
            return null;
        }

        File.Delete(PathOf(sandboxId));
        _taken.Remove(Ipv4.ToNumber(allocation.Address));
        return allocation;
    }

    private string PathOf(string sandboxId) => Path.Combine(_directory, sandboxId);

    private static Allocation? Parse(FileInfo file)
    {
        var lines = File.ReadAllLines(file.FullName);
        if (file.Extension == ".tmp" || lines.Length == 0 || !IPAddress.TryParse(lines[0], out var address) || address.GetAddressBytes().Length != 4)
        {
            return null;
        }

        var ports = new List<HostPort>();
        foreach (var line in lines.Skip(1))
        {
            var parts = line.Split(' ');
            if (parts.Length < 3 || !int.TryParse(parts[0], CultureInfo.InvariantCulture, out var port) || !int.TryParse(parts[1], CultureInfo.InvariantCulture, out var target))
            {
                return null;
            }

            ports.Add(new HostPort(port, target, parts[2], parts.Length > 3 ? parts[3] : ""));
        }

        return new Allocation(file.Name, address, ports);
    }
}
