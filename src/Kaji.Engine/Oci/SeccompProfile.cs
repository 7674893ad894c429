using System.Runtime.InteropServices;
using System.Text.Json;

namespace Kaji.Engine.Oci;

/// <summary>Writes the <c>seccomp</c> part of a bundle's configuration from <c>seccomp.txt</c>: what is always allowed, and what a capability adds.</summary>
internal static class SeccompProfile
{
    private const int NamespaceFlags = 0x7e020000, NoSuchCall = 38, VsockFamily = 40;
    private static readonly IReadOnlyList<(string Condition, string[] Calls)> Lines = Load();

    public static void Write(Utf8JsonWriter json, IReadOnlyCollection<string> capabilities)
    {
        json.WriteStartObject("seccomp");
        json.WriteString("defaultAction", "SCMP_ACT_ERRNO");
        json.WriteNumber("defaultErrnoRet", 1);
        json.WriteStartArray("architectures");
        foreach (var name in RuntimeInformation.OSArchitecture == Architecture.Arm64 ? (string[])["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteStartArray("syscalls");
        Rule(json, Lines.Where(l => l.Condition == "allow" || capabilities.Contains(l.Condition)).SelectMany(l => l.Calls).Distinct(StringComparer.Ordinal));
        // Every personality that programs ask for, but none that loosens protection.
        foreach (var value in (long[])[0, 8, 0x20000, 0x20008, 0xffffffff])
        {
            Rule(json, ["personality"], (0, value, 0, "SCMP_CMP_EQ"));
        }

        Rule(json, ["socket"], (0, VsockFamily, 0, "SCMP_CMP_NE"));
        if (!capabilities.Contains("SYS_ADMIN"))
        {
            // No new namespaces by clone; clone3's flags cannot be seen, so libraries are told to fall back.
            Rule(json, ["clone"], (0, NamespaceFlags, 0, "SCMP_CMP_MASKED_EQ"));
            json.WriteStartObject();
            json.WriteStartArray("names");
            json.WriteStringValue("clone3");
            json.WriteEndArray();
            json.WriteString("action", "SCMP_ACT_ERRNO");
            json.WriteNumber("errnoRet", NoSuchCall);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Rule(Utf8JsonWriter json, IEnumerable<string> names, params ReadOnlySpan<(int Index, long Value, long ValueTwo, string Operator)> arguments)
    {
        json.WriteStartObject();
        json.WriteStartArray("names");
        foreach (var name in names)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteString("action", "SCMP_ACT_ALLOW");
        if (arguments.Length > 0)
        {
            json.WriteStartArray("args");
            foreach (var (index, value, valueTwo, comparison) in arguments)
            {
                json.WriteStartObject();
                json.WriteNumber("index", index);
                json.WriteNumber("value", value);
                json.WriteNumber("valueTwo", valueTwo);
                json.WriteString("op", comparison);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static List<(string, string[])> Load()
    {
        using var reader = new StreamReader(typeof(SeccompProfile).Assembly.GetManifestResourceStream("seccomp.txt")!);
        var lines = new List<(string, string[])>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                lines.Add((words[0], words[1..]));
            }
        }

        return lines;
    }
}
