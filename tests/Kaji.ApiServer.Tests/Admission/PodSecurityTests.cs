using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.PodSecurity;

namespace Kaji.ApiServer.Tests.Admission;

/// <summary>Each check of the Pod Security Standards, with the words of its refusal. https://kubernetes.io/docs/concepts/security/pod-security-standards/</summary>
public sealed class PodSecurityTests
{
    private const string Hardened = """
        "securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"} },
        "containers":[{"name":"a","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]} } }]
        """;

    [Theory]
    [InlineData(""" "hostNetwork":true,"hostPID":true,"containers":[{"name":"a"}] """, "host namespaces (hostNetwork=true, hostPID=true)")]
    [InlineData(""" "containers":[{"name":"a","securityContext":{"privileged":true}},{"name":"b","securityContext":{"privileged":true}}] """, "privileged (containers \"a\", \"b\" must not set securityContext.privileged=true)")]
    [InlineData(""" "containers":[{"name":"a","securityContext":{"capabilities":{"add":["NET_ADMIN","CHOWN","BPF"]}}}] """, "non-default capabilities (container \"a\" must not include \"BPF\", \"NET_ADMIN\" in securityContext.capabilities.add)")]
    [InlineData(""" "volumes":[{"name":"v","hostPath":{"path":"/"}},{"name":"w","emptyDir":{}}],"containers":[{"name":"a"}] """, "hostPath volumes (volume \"v\")")]
    [InlineData(""" "containers":[{"name":"a","ports":[{"containerPort":80,"hostPort":8080}]}] """, "hostPort (container \"a\" uses hostPort 8080)")]
    [InlineData(""" "containers":[{"name":"a","securityContext":{"procMount":"Unmasked"}}] """, "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")")]
    [InlineData(""" "securityContext":{"seccompProfile":{"type":"Unconfined"}},"containers":[{"name":"a","securityContext":{"seccompProfile":{"type":"Unconfined"}}}] """, "seccompProfile (pod and container \"a\" must not set securityContext.seccompProfile.type to \"Unconfined\")")]
    [InlineData(""" "securityContext":{"seLinuxOptions":{"type":"foo","user":"u"}},"containers":[{"name":"a"}] """, "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"foo\"; user may not be set)")]
    [InlineData(""" "securityContext":{"sysctls":[{"name":"kernel.msgmax","value":"1"},{"name":"net.ipv4.tcp_syncookies","value":"1"}]},"containers":[{"name":"a"}] """, "forbidden sysctls (kernel.msgmax)")]
    [InlineData(""" "containers":[{"name":"a","securityContext":{"windowsOptions":{"hostProcess":true}}}] """, "hostProcess (container \"a\" must not set securityContext.windowsOptions.hostProcess=true)")]
    [InlineData(""" "containers":[{"name":"a","securityContext":{"appArmorProfile":{"type":"Unconfined"}}}] """, "forbidden AppArmor profile (container \"a\" must not set AppArmor profile type to \"Unconfined\")")]
    [InlineData(""" "containers":[{"name":"a","livenessProbe":{"httpGet":{"host":"10.0.0.1","port":80}}}] """, "probe or lifecycle host (container \"a\" uses probe or lifecycle host \"10.0.0.1\")")]
    public void Baseline_Refuses(string spec, string expected)
    {
        Assert.Equal(expected, Evaluate("baseline", spec));
        Assert.Contains(expected.StartsWith("hostPath", StringComparison.Ordinal) ? "restricted volume types" : expected.Split(" (")[0].Replace("non-default", "unrestricted", StringComparison.Ordinal), Evaluate("restricted", spec), StringComparison.Ordinal);
        Assert.Equal("", Evaluate("privileged", spec));
    }

    [Fact]
    public void Baseline_TakesAPlainPod() => Assert.Equal("", Evaluate("baseline", """ "containers":[{"name":"a"}] """));

    [Fact]
    public void Restricted_TakesAHardenedPod() => Assert.Equal("", Evaluate("restricted", Hardened));

    [Fact]
    public void Restricted_RefusesAPlainPod_InKubernetesOrder() => Assert.Equal(
        "allowPrivilegeEscalation != false (container \"a\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"a\" must set securityContext.capabilities.drop=[\"ALL\"]), "
        + "runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"a\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
        Evaluate("restricted", """ "containers":[{"name":"a"}] """));

    [Theory]
    [InlineData("\"runAsNonRoot\":true", "\"runAsNonRoot\":false", "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)")]
    [InlineData("\"runAsNonRoot\":true", "\"runAsNonRoot\":true,\"runAsUser\":0", "runAsUser=0 (pod must not set runAsUser=0)")]
    [InlineData("\"drop\":[\"ALL\"]", "\"drop\":[\"ALL\"],\"add\":[\"CHOWN\",\"NET_BIND_SERVICE\"]", "unrestricted capabilities (container \"a\" must not include \"CHOWN\" in securityContext.capabilities.add)")]
    [InlineData("\"containers\"", "\"volumes\":[{\"name\":\"v\",\"nfs\":{\"server\":\"s\"}},{\"name\":\"s\",\"secret\":{}}],\"containers\"", "restricted volume types (volume \"v\" uses restricted volume type \"nfs\")")]
    public void Restricted_RefusesEachStepBack(string from, string to, string expected) => Assert.Equal(expected, Evaluate("restricted", Hardened.Replace(from, to, StringComparison.Ordinal)));

    [Theory]
    [InlineData("v1.7", "")]
    [InlineData("v1.8", "allowPrivilegeEscalation != false")]
    [InlineData("v1.22", "unrestricted capabilities")]
    [InlineData("latest", "unrestricted capabilities")]
    public void Versions_DecideWhichChecksCount(string version, string expected)
    {
        var refused = Evaluate("restricted", """ "securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"a"}] """, version);
        Assert.Equal(expected.Length == 0, refused.Length == 0);
        Assert.Contains(expected, refused, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_ThatCantBeRead_AreStrict_AndTold()
    {
        var labels = new JsonObject { ["pod-security.kubernetes.io/enforce"] = "strict", ["pod-security.kubernetes.io/warn-version"] = "1.2" };
        Assert.Equal("restricted:latest", PodSecurityPolicy.Of(labels, "enforce").ToString());
        var errors = new List<Kaji.Api.FieldError>();
        PodSecurityPolicy.Validate(labels, errors);
        Assert.Equal(
            ["metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted", "metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"1.2\": must be \"latest\" or \"v1.x\""],
            errors.Select(e => e.ToString()));
    }

    private static string Evaluate(string level, string spec, string version = "latest")
    {
        var policy = PodSecurityPolicy.Of(new JsonObject { ["pod-security.kubernetes.io/enforce"] = level, ["pod-security.kubernetes.io/enforce-version"] = version }, "enforce");
        return string.Join(", ", PodSecurityChecks.Evaluate(policy, new JsonObject(), JsonNode.Parse($"{{{spec}}}")!.AsObject()));
    }
}
