using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Admission.Limits;
using Kaji.ApiServer.Authentication;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.ApiServer.Tests.Admission;

public sealed class EventRateLimitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Burst_IsTaken_ThenSoManyASecond_EachKeyForItself()
    {
        var limit = new EventRateLimit([new EventLimit("Namespace", Qps: 2, Burst: 3, CacheSize: 10)], _time);
        Assert.Equal(3, await TakenAsync(limit, 5, "a"));
        Assert.Equal(3, await TakenAsync(limit, 5, "b"));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, await TakenAsync(limit, 5, "a"));
        var refused = await limit.ValidateAsync(Event("a"), CancellationToken.None);
        Assert.Equal((429, "limit reached on type Namespace for key a"), (refused!.Code, refused.Message));
    }

    [Fact]
    public async Task OtherObjects_AreLeftAlone_AndKeysAreForgottenWhenThereAreTooMany()
    {
        var limit = new EventRateLimit([new EventLimit("Namespace", Qps: 1, Burst: 1, CacheSize: 2)], _time);
        Assert.Null(await limit.ValidateAsync(new AdmissionRequest(BuiltInResources.Find("", "v1", "pods")!, "", "CREATE", "a", "p", [], null, UserInfo.ApiServer, false), CancellationToken.None));
        foreach (var ns in (string[])["a", "b", "c"])
        {
            Assert.Equal(1, await TakenAsync(limit, 2, ns));
        }

        Assert.Equal(1, await TakenAsync(limit, 2, "a"));
    }

    [Theory]
    [InlineData("kind: X", "apiVersion and kind must be apiserver.config.k8s.io/v1 and AdmissionConfiguration")]
    [InlineData("{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: [{name: Other}]}", "plugins[0].name: \"Other\" takes no settings here")]
    [InlineData("{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: [{name: EventRateLimit, configuration: {limits: [{type: Pod}]}}]}", "plugins[0].configuration.limits[0].type: \"Pod\" is no type")]
    [InlineData("{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: [{name: EventRateLimit, configuration: {limits: [{type: User, qps: 1}]}}]}", "plugins[0].configuration.limits[0].burst: must be a positive number")]
    public void Settings_ThatAreWrong_AreTold(string yaml, string why) => Assert.Contains(why, Assert.Throws<FormatException>(() => EventRateLimit.Parse(yaml, _ => "")).Message, StringComparison.Ordinal);

    [Fact]
    public void Settings_MayBeInAFileOfTheirOwn()
    {
        var limits = EventRateLimit.Parse("{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: [{name: EventRateLimit, path: e.yaml}]}", path => $"limits: [{{type: Server, qps: {path.Length}, burst: 9}}]");
        Assert.Equal(new EventLimit("Server", 6, 9, 4096), Assert.Single(limits));
    }

    private static AdmissionRequest Event(string ns) => new(BuiltInResources.Find("", "v1", "events")!, "", "CREATE", ns, "e", new JsonObject { ["involvedObject"] = new JsonObject() }, null, UserInfo.ApiServer, false);

    private static async Task<int> TakenAsync(EventRateLimit limit, int times, string ns)
    {
        var taken = 0;
        for (var i = 0; i < times; i++)
        {
            taken += await limit.ValidateAsync(Event(ns), CancellationToken.None) is null ? 1 : 0;
        }

        return taken;
    }
}
